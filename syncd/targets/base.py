"""What every target kind offers: its part of the configuration, and one of two protocols.

A file target only renders: the engine's transaction is the only writer of files. A remote target reads and applies.
"""

import os.path
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import Field

from syncd.core.explain.model import Part
from syncd.core.fields import Debounce, Expect, FileMode, Limits, Strict
from syncd.core.graph.model import Feed
from syncd.core.model import Change, Desired, Entry, Need
from syncd.core.snapshot import View
from syncd.core.usage import Usage
from syncd.core.windows import WindowText

Raw = Mapping[str, Any]
"""A target as the file says it, before it is validated: every scalar is text (expanded) or None."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that a target names in `field` and that must exist: a reload of the config, or a file."""

    what: Literal["reload", "file"]
    name: str
    field: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A place that only one target may write; `field` is what to change where two targets claim the same.

    Two claims collide where their `space` is equal and one's `prefix` is the start of the other's.
    """

    space: tuple[str, ...]
    field: str
    prefix: str = ""


class TargetConfig(Strict):
    """What every target may say, whatever its kind.

    A kind with a `Config` of its own may override the three hooks; the loader turns what they yield into faults and
    warnings with their line. `references` and `claims` see the raw target, so that a wrong field elsewhere in it does
    not hide what they find: use `text(raw, field)`, which is None where there is no text.
    """

    kind: str
    adopt: bool = False
    """Take over what is there and nobody claims; never what another owner claims."""
    limits: Limits | None = None
    expect: Expect | None = None
    debounce: Debounce | None = None
    only_between: tuple[WindowText, ...] = ()
    """When it may be changed; empty is always."""

    @classmethod
    def references(cls, raw: Raw) -> Iterable[Reference]:
        """Return what the target names and must exist."""
        return ()

    @classmethod
    def claims(cls, raw: Raw, base_dir: Path) -> Iterable[Claim]:
        """Return the places it writes; relative paths are relative to `base_dir`."""
        return ()

    def warnings(self) -> Iterable[tuple[str, str]]:
        """Return (field, words) of what is allowed and unwise."""
        return ()


def text(raw: Raw, field: str) -> str | None:
    """Return a raw target's field where it is text."""
    value = raw.get(field)
    return value if isinstance(value, str) else None


class FileTargetConfig(TargetConfig):
    """What a target that writes one file may say."""

    path: str = Field(min_length=1)
    mode: FileMode | None = None
    user: str | int | None = None
    group: str | int | None = None
    reload: str | None = None

    @classmethod
    def references(cls, raw: Raw) -> Iterable[Reference]:
        """Return the reload it names."""
        name = text(raw, "reload")
        return () if name is None else (Reference("reload", name, "reload"),)

    @classmethod
    def claims(cls, raw: Raw, base_dir: Path) -> Iterable[Claim]:
        """Return its file."""
        path = text(raw, "path")
        return () if not path else (Claim(("file", os.path.normpath(base_dir / path)), "path"),)


@dataclass(frozen=True, slots=True)
class Context:
    """What a target needs to know beside its own configuration.

    `load_template` returns a template file's text by its path relative to the config file's folder, None where there is
    none; it belongs to the engine, which also watches what was loaded. `env` is what `env()` may read.
    """

    owner: str
    base_dir: Path
    load_template: Callable[[str], str | None]
    env: Mapping[str, str]
    owner_was: tuple[str, ...] = ()


class FileTarget(Protocol):
    """A target that is one file."""

    name: str
    kind: str
    config: FileTargetConfig

    def needs(self) -> frozenset[Need]:
        """Return what is known to be read before anything is rendered; rendering may ask for more."""
        ...

    def desired(self, view: View, masked: View) -> Desired:
        """Return the one file this target should hold, or why it cannot be rendered.

        Args:
            view: what to render from; records what is read.
            masked: the same snapshot with every sensitive value replaced; rendered a second time only where `view`
                handed out sensitive values.

        Raises:
            NeedMore: something was read that the snapshot does not cover.
            HiddenKey: the source keeps a key from our token.
        """
        ...

    def owner_of(self, content: bytes) -> str | None:
        """Return the owner id that a file's own content names, None where it names none."""
        ...

    def mask(self, content: bytes, desired: Desired, *, was_sensitive: bool) -> str | None:
        """Return a file's present content with every value that may be sensitive masked; None: do not show it.

        Args:
            was_sensitive: what we wrote last there held sensitive values.
        """
        ...


Progress = Callable[[int, int], None]
"""Called with (done, total) changes while a long push runs."""

Fence = Callable[[], None]
"""Called right before anything that changes the target goes out; raises a TargetError where it must not."""


def unfenced() -> None:
    """Let everything go out."""


@runtime_checkable
class Explains(Protocol):
    """What a target of any kind may offer beside: `explain` and `graph` then say more than its entries tell."""

    def parts(self, view: View, masked: View) -> tuple[Part, ...]:
        """Return where each part of the target comes from, those that cannot be had too; raises nothing.

        Args:
            view: a snapshot that covers what the target reads.
            masked: the same snapshot with every sensitive value replaced.
        """
        ...

    def outline(self) -> tuple[Feed, ...]:
        """Return what the target reads as far as its config and templates say, without reading it."""
        ...


@runtime_checkable
class UsesWorkersKv(Protocol):
    """What a remote target may offer beside: how much it asked of Workers KV, for the metrics."""

    @property
    def usage(self) -> Usage:
        """What targets of this name asked since the process began."""
        ...


class RemoteTarget(Protocol):
    """A target behind an API that holds many entries."""

    name: str
    kind: str
    config: Any
    policy: str
    """`sync`, `upsert-only` or `create-only`."""

    def needs(self) -> frozenset[Need]:
        """Return what is read, all of it."""
        ...

    def desired(self, view: View, masked: View) -> Desired:
        """Return the wanted entries, digests comparable with those of `read`. Raises as `FileTarget.desired`."""
        ...

    def source_key(self, entry_key: str) -> str | None:
        """Return the source key that would feed this entry if the configuration still wants it, else None."""
        ...

    def bare_key(self, entry_key: str) -> str:
        """Return the entry key without what the target puts before source keys."""
        ...

    async def read(self, desired: Desired, *, within_s: float) -> Mapping[str, Entry]:
        """Return what the target holds in our part of it, by entry key; foreign entries included.

        Args:
            within_s: no wait that would end later is begun.

        Raises:
            TargetError: it could not be read.
        """
        ...

    async def values(self, keys: Sequence[str], *, spare: bool = False) -> Mapping[str, bytes]:
        """Return the present contents of these entries, for showing; what cannot be had is left out.

        Args:
            spare: what cannot be had at once, without delaying anything else, is left out too.
        """
        ...

    async def apply(
        self, changes: Sequence[Change], progress: Progress, *, within_s: float, fence: Fence
    ) -> Mapping[str, str]:
        """Carry out the changes, deletes last; return why each entry failed that did.

        Args:
            within_s: no wait that would end later is begun.
            fence: called as late as can be before each write; what it raises ends the apply.

        Raises:
            TargetError: the target refused or could not be reached; some changes may be done, none half.
        """
        ...

    def forget(self) -> None:
        """Believe what `read` finds over what was written from here: somebody else may have written since."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


@dataclass(frozen=True, slots=True)
class TargetKind:
    """One kind of target: its configuration and its maker."""

    config: type[TargetConfig]
    make: Callable[[str, Any, Context], FileTarget | RemoteTarget]


class BrokenKind(Exception):
    """What another package brings as a kind of target cannot be used; the words say why."""
