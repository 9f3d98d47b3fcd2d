"""The values that flow through syncd: keys in, entries and changes out. All immutable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from syncd.core.digest import sha256_hex

Op = Literal["create", "update", "delete"]
OPS: tuple[Op, ...] = ("create", "update", "delete")
NeedKind = Literal["key", "folder", "service", "catalog"]


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """One thing a target reads from the source.

    `name` is, by `kind`: a key relative to the prefix; a folder, relative, ending in `/` or empty for all;
    a service's name; or empty for the catalog (the list of service names).
    """

    kind: NeedKind
    name: str = ""


class Presence(Enum):
    """What one consistent read of exactly one key proves."""

    PRESENT = "present"
    GONE = "gone"
    HIDDEN = "hidden"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RawKey:
    """One key as the source holds it; `key` is relative to `consul.prefix`, overlay folders not yet resolved."""

    key: str
    value: bytes
    modify_index: int


@dataclass(frozen=True, slots=True)
class Item:
    """One key after the overlay: what a target sees.

    `key` has no overlay prefix; `layer` is "" or the overlay that won, such as `env/production`.
    """

    key: str
    value: bytes
    modify_index: int
    layer: str = ""
    sensitive: bool = False

    @property
    def source_key(self) -> str:
        """The key relative to the prefix that really holds the value."""
        return f"{self.layer}/{self.key}" if self.layer else self.key


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of a service, as the catalog and its checks tell. `status` is passing, warning or critical."""

    id: str
    name: str
    address: str
    port: int
    tags: tuple[str, ...]
    meta: Mapping[str, str]
    status: str
    node: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One key or file in a target, wanted or present.

    `digest` is what entries are compared by: 64 hex characters of SHA-256 for files, the first 32 for Workers KV (all
    that its metadata holds). `content` is None where only the digest is known. `owner` is set on what is present: our
    owner id or another's, None where nobody claims it, `FOREIGN` where it carries marks that are not syncd's. `origins`
    are the items that it was made from, in the order in which they were read.
    """

    key: str
    digest: str
    content: bytes | None = None
    owner: str | None = None
    origins: tuple[Item, ...] = ()
    sensitive: bool = False
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None


FOREIGN = "\0foreign"
"""Owner of an entry that carries somebody's marks, but no owner id of ours or of another syncd."""


def text_entry(key: str, content: bytes, **more: object) -> Entry:
    """Return an entry for `content` with its full SHA-256 as digest."""
    return Entry(key=key, digest=sha256_hex(content), content=content, **more)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class KeyFault:
    """One key that a target would refuse, and why; the rest of the target goes on."""

    key: str
    why: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """An entry that we want and that belongs to somebody else; `owner` is None where nobody claims it."""

    key: str
    owner: str | None
    why: str


@dataclass(frozen=True, slots=True, order=True)
class ServiceUse:
    """One question of a template to the catalog, and how many instances answered it.

    `name` is the service's name, with the tag and the state where the question has them: `web, tag v2, critical`.
    """

    name: str
    count: int
    allow_empty: bool = False
    """None is an answer; else a target that was made from some is held."""


@dataclass(frozen=True, slots=True)
class Desired:
    """What one target should hold, and what stands in the way.

    `entries` maps the entry key to the entry. `missing` are exact keys without a value, relative to the prefix.
    `protect` are entry keys that must not be deleted though they are not wanted (their exact key is missing).
    `masked` is the content of a file with every sensitive value replaced, None where it cannot be rendered so; only
    for file targets. `templates` maps each template file read to its SHA-256; `services` are the answers of the catalog
    that it was made from.
    """

    entries: Mapping[str, Entry] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    faults: tuple[KeyFault, ...] = ()
    protect: frozenset[str] = frozenset()
    masked: str | None = None
    templates: Mapping[str, str] = field(default_factory=dict)
    services: tuple[ServiceUse, ...] = ()
    error: str | None = None
    """Why the target could not be rendered, in our own words; its entries are then empty and nothing is changed."""


@dataclass(frozen=True, slots=True)
class Change:
    """One create, update or delete.

    `old_digest` and `new_digest` are what the checksum covers; `old` and `new` the values to show, None where they
    are sensitive or unknown. `note` says what changes beside the content (mode, owner, metadata). `adopted`: the entry
    was there and nobody claimed it. `entry` is what to write, None for a delete.
    """

    op: Op
    key: str
    old_digest: str | None
    new_digest: str | None
    old: str | None = None
    new: str | None = None
    sensitive: bool = False
    note: str = ""
    adopted: bool = False
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes of one target, in key order with deletes last, and every reason not to carry them out.

    `held`: reasons why the source cannot be trusted now. `unsafe`: limits that the plan passes. `owned` is how many
    entries we own in the target before the plan. `error` says why nothing could be planned, `retry_after_s` when to try
    again where the target said so.
    """

    target: str
    kind: str
    changes: tuple[Change, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    faults: tuple[KeyFault, ...] = ()
    missing_keys: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    unsafe: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    owned: int = 0
    diff: str | None = None
    error: str | None = None
    retry_after_s: float | None = None

    @property
    def failing(self) -> bool:
        """True where the outcome cannot be better than `failed`: an error, a missing key, a fault or a conflict."""
        return bool(self.error or self.missing_keys or self.faults or self.conflicts)

    @property
    def in_sync(self) -> bool:
        """True where nothing is to do and nothing stands in the way."""
        return not (self.changes or self.failing or self.held or self.unsafe)

    def count(self, op: Op) -> int:
        """Return how many changes have this op."""
        return sum(1 for change in self.changes if change.op == op)
