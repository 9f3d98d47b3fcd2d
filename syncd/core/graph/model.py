"""What feeds what: the keys, globs, services and templates of each target, and the reload that it shares."""

from dataclasses import dataclass
from typing import Literal

FeedKind = Literal["key", "glob", "service", "services", "template"]


@dataclass(frozen=True, slots=True, order=True)
class Feed:
    """One thing that a target is made from: a key or glob relative to the prefix, a service, the catalog, a file."""

    kind: FeedKind
    name: str


@dataclass(frozen=True, slots=True)
class Fed:
    """One target with all that feeds it. `what` is its file or namespace; `reload` the reload that it shares.

    `keys` maps each glob to the keys that it brings now; empty where no source was read.
    """

    target: str
    kind: str
    what: str
    feeds: tuple[Feed, ...]
    reload: str | None = None
    keys: tuple[tuple[str, tuple[str, ...]], ...] = ()
    note: str | None = None
    """Why the feeds may not be all: it could not be rendered."""


@dataclass(frozen=True, slots=True)
class Graph:
    """All targets in config order; `reloads` maps each reload to what it does, in words.

    `rendered`: a source was read, so that the feeds are what is really read; else what config and templates name.
    """

    prefix: str
    targets: tuple[Fed, ...]
    reloads: tuple[tuple[str, str], ...]
    rendered: bool
