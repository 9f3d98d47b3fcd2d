"""What explains a target: its parts, what each is made from, and how it stands. Only `Origin.item` holds a value."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from syncd.core.model import Item

PartKind = Literal["variable", "pair", "key", "folder", "service", "services", "env", "line"]
State = Literal[
    "in_sync", "create", "update", "delete", "missing", "fault", "conflict", "held", "unsafe", "kept", "unknown"
]
"""`unknown`: what the target holds could not be read. `kept`:
nothing is done to it, since something else stands in its way or the policy forbids it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a template. `by` are the lines that led there through includes and macros, the nearest first."""

    file: str
    line: int
    by: tuple[tuple[str, int], ...] = ()

    @property
    def lines(self) -> tuple[tuple[str, int], ...]:
        """Every line that took part, the one that reads first."""
        return ((self.file, self.line), *self.by)


@dataclass(frozen=True, slots=True)
class Origin:
    """One key that a part is made from, relative to the prefix and without its overlay folder.

    `item` is None where it has no value, or none that we may read: `hidden` then says why. `leads_nowhere`: the key has
    a value, and its `pointer` names nothing in it. `stood_in`: a default is used in its place. `other` is the same key
    in the layer that lost, relative to the prefix; None where that layer has none.
    """

    key: str
    item: Item | None = None
    pointer: str = ""
    leads_nowhere: bool = False
    stood_in: bool = False
    hidden: str = ""
    other: str | None = None


@dataclass(frozen=True, slots=True)
class Default:
    """What a configured default is, as it may be shown, and whether it is what the target holds."""

    value: str
    used: bool


@dataclass(frozen=True, slots=True)
class Part:
    """One variable, pair or line of a target, or one thing that its template reads.

    `entry` is the key of the entry that it is in. `via` is the glob or folder that brought it. `template` is the text
    of a template in the config, `uses` the variables in it; `fixed` a value written there. `places` are the lines of
    template files. `value` is what may be shown: None where it is sensitive or there is none. `fault` says why it
    cannot be had. `config` is the dotted path below the target that asks for it. `count` is how many keys or instances
    answered a folder or service.
    """

    name: str
    kind: PartKind
    entry: str
    origins: tuple[Origin, ...] = ()
    via: str | None = None
    default: Default | None = None
    template: str | None = None
    uses: tuple[str, ...] = ()
    fixed: bool = False
    places: tuple[Place, ...] = ()
    value: str | None = None
    sensitive: bool = False
    fault: str | None = None
    config: str = ""
    count: int | None = None
    at: tuple[int, int] | None = None
    """The first and the last line of the file that it stands on."""
    line: str | None = None
    """An env file's whole assignment, to be compared only: never shown."""

    @property
    def missing(self) -> tuple[str, ...]:
        """The keys without a value that nothing stands in for."""
        return tuple(
            f"{one.key}#{one.pointer}" if one.leads_nowhere else one.key
            for one in self.origins
            if (one.item is None or one.leads_nowhere) and not (one.hidden or one.stood_in)
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """How something stands, and why, in words; `why` may be empty where the state says it all."""

    state: State
    why: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """One part with its verdict; `place` is where in the config file it is asked for, as `FILE:LINE:COL`."""

    part: Part
    verdict: Verdict
    place: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One target: `what` is its file or its part of a namespace; `why` says all that bears on it as a whole."""

    target: str
    kind: str
    what: str
    prefix: str
    layer: str
    index: int
    verdict: Verdict
    why: tuple[str, ...]
    parts: tuple[Explained, ...]
    reload: str | None = None
    unreadable: bool = False
    """What the target holds could not be read: the parts tell where they come from only."""


def shown(item: Item | None) -> str | None:
    """Return what of a key's value may be shown: None where it has none, is sensitive or is not text."""
    try:
        return None if item is None or item.sensitive else item.value.decode()
    except UnicodeDecodeError:
        return None


def matching(parts: Iterable[Part], name: str, prefix: str) -> list[Part]:
    """Return the parts of that name, else those made from the key of that name, with or without the prefix."""
    parts = list(parts)
    keys = {name, name.removeprefix(prefix)}
    return [part for part in parts if part.name == name] or [
        part for part in parts if any(one.key in keys or str(_source(one)) in keys for one in part.origins)
    ]


def _source(origin: Origin) -> str | None:
    return None if origin.item is None else origin.item.source_key
