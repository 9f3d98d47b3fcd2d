"""A snapshot of the source, and the view through which a target reads it. Pure.

The snapshot is immutable and knows what it covers. A view records what is read, so that what a target depends on is
known without listing it; a read outside of what is covered raises `NeedMore`, and the engine reads that too.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from syncd.core import globs
from syncd.core.errors import SourceLacks
from syncd.core.model import Instance, Item, Need, RawKey


class NeedMore(Exception):
    """A target reads something that the snapshot does not cover."""

    def __init__(self, needs: Iterable[Need]) -> None:
        self.needs = frozenset(needs)
        super().__init__(f"{len(self.needs)} more needs")


class HiddenKey(Exception):
    """A key, or a folder, that cannot be read: `why` says why and what to do."""

    def __init__(self, key: str, why: str | None = None) -> None:
        self.key = key
        self.why = why or f"the token may not read '{key}'; give it key read rights there"
        super().__init__(key)


class MissingKey(Exception):
    """An exact key without a default has no value; `why` adds what is special, such as a pointer that leads nowhere."""

    def __init__(self, key: str, why: str = "") -> None:
        self.key = key
        self.why = why
        super().__init__(key)


@dataclass(frozen=True, slots=True)
class Rules:
    """How raw keys become items: the overlay environment and which keys are sensitive or our own."""

    environment: str | None = None
    sensitive: tuple[str, ...] = ("secrets/**",)
    lock_key: str | None = None
    """A key of our own that is no configuration: it does not exist for targets."""

    @property
    def layer(self) -> str:
        """The overlay's folder without its last slash, "" where no environment is set."""
        return f"env/{self.environment}" if self.environment else ""

    def is_sensitive(self, key: str) -> bool:
        """Return True where a key, overlay folder stripped, matches one of the sensitive globs."""
        parts = key.split("/", 2)
        bare = parts[2] if len(parts) == 3 and parts[0] == "env" else key
        return any(globs.matches(pattern, bare) for pattern in self.sensitive)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that was read of the source at one moment; `items` is in key order.

    `covers` says what was read; `hidden` holds exact keys that the source keeps from us, `denied` folders that it
    refuses to list. `partial`: a listing may leave out keys that our token may not see, so that only a read of the key
    itself proves that it is missing, or that nothing in `layer` (the overlay's folder without its last slash) lies over
    it. `no_services` says why services cannot be read here. `index` is the highest Consul index seen, 0 for a file.

    The last known good alone has `withheld`: sensitive keys whose values are not kept, and may be `behind`: a later
    state may have been applied already.
    """

    items: Mapping[str, Item] = field(default_factory=dict)
    services: Mapping[str, tuple[Instance, ...]] = field(default_factory=dict)
    catalog: Mapping[str, tuple[str, ...]] | None = None
    covers: frozenset[Need] = frozenset()
    hidden: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    partial: bool = False
    layer: str = ""
    no_services: str | None = None
    index: int = 0
    withheld: frozenset[str] = frozenset()
    behind: bool = False

    def covers_key(self, key: str) -> bool:
        """Return True where the absence of `key` from `items` means something."""
        if Need("key", key) in self.covers:
            return True
        return any(Need("folder", folder) in self.covers for folder in globs.folders_above(key))

    def proves(self, key: str) -> bool:
        """Return True where `items` tells the truth about an exact key that is not in `hidden`."""
        if not self.partial:
            return self.covers_key(key)
        item = self.items.get(key)
        return Need("key", key) in self.covers or (item is not None and item.layer == self.layer)

    def covers_folder(self, folder: str) -> bool:
        """Return True where everything below `folder` was read."""
        return self.covers_key(folder + "\0")

    def below(self, folder: str) -> Mapping[str, Item]:
        """Return the items below a folder (`""` or ending in `/`), in key order."""
        if not folder:
            return self.items
        keys = list(self.items)
        after = folder[:-1] + chr(ord("/") + 1)
        return {key: self.items[key] for key in keys[bisect_left(keys, folder) : bisect_left(keys, after)]}


def layered(raw: Iterable[RawKey], rules: Rules) -> dict[str, Item]:
    """Return the items that targets see, in key order.

    Keys that end in `/`, and our lock, are dropped. With an environment, keys under its overlay replace the same key
    without it, and `env/` itself is invisible.
    """
    overlay = rules.layer + "/" if rules.layer else ""
    items: dict[str, Item] = {}
    for one in raw:
        if one.key.endswith("/") or one.key in ("", rules.lock_key):
            continue
        key, layer = one.key, ""
        if overlay and key.startswith("env/"):
            if not key.startswith(overlay):
                continue
            key, layer = key[len(overlay) :], rules.layer
        held = items.get(key)
        if held is None or layer:
            items[key] = Item(key, one.value, one.modify_index, layer, rules.is_sensitive(key))
    return dict(sorted(items.items()))


class View:
    """One target's reading of a snapshot; `reads` and `sensitive_keys` grow as it reads.

    With `mask`, every sensitive value reads as `«key»`: rendering through such a view gives what may be shown.
    """

    def __init__(self, snapshot: Snapshot, *, mask: bool = False) -> None:
        self.snapshot = snapshot
        self.mask = mask
        self.reads: set[Need] = set()
        self.items: dict[str, Item] = {}
        """Every item that was handed out, by key."""

    @property
    def sensitive_keys(self) -> set[str]:
        """The sensitive keys whose values were handed out so far."""
        return {key for key, item in self.items.items() if item.sensitive}

    def _hand_out(self, items: Mapping[str, Item]) -> Mapping[str, Item]:
        self.items.update(items)
        return {key: _masked(item) for key, item in items.items()} if self.mask else items

    def item(self, key: str) -> Item | None:
        """Return the item of an exact key, None where it has none.

        Raises:
            NeedMore: the key was not read yet.
            HiddenKey: the source keeps it from us.
        """
        self.reads.add(Need("key", key))
        if key in self.snapshot.hidden:
            raise self._hidden(key)
        if key in self.snapshot.withheld:
            raise _withheld(key)
        found = self.snapshot.items.get(key)
        if not self.snapshot.proves(key):
            raise NeedMore([Need("key", key)])
        return self._hand_out({key: found})[key] if found is not None else None

    def _hidden(self, key: str) -> HiddenKey:
        layer = self.snapshot.layer
        if not layer:
            return HiddenKey(key)
        why = f"the token may not read '{key}' or its overlay '{layer}/{key}'; give it key read rights on both"
        return HiddenKey(key, why)

    def folder(self, folder: str) -> Mapping[str, Item]:
        """Return all items below a folder (`""` or ending in `/`), by full key, in key order.

        Raises:
            NeedMore: the folder was not read yet.
            HiddenKey: the source refuses to list it.
        """
        return self.glob(folder + "**")

    def glob(self, pattern: str) -> Mapping[str, Item]:
        """Return all items whose key matches a glob, by full key, in key order; none is an answer.

        Raises:
            NeedMore: the glob's folder was not read yet.
            HiddenKey: the source refuses to list the glob's folder.
        """
        folder = globs.fixed_folder(pattern)
        self.reads.add(Need("folder", folder))
        if folder in self.snapshot.denied:
            raise HiddenKey(folder)
        if not self.snapshot.covers_folder(folder):
            raise NeedMore([Need("folder", folder)])
        found = self.snapshot.below(folder)
        match = globs.compiled(pattern).match
        if pattern != folder + "**":
            found = {key: item for key, item in found.items() if match(key)}
        for key in self.snapshot.withheld:
            if match(key):
                raise _withheld(key)
        return self._hand_out(found)

    def service(self, name: str) -> tuple[Instance, ...]:
        """Return all instances of a service in any state, sorted by id; unknown and denied names have none.

        Raises:
            NeedMore: the service was not read yet.
            SourceLacks: the source holds no services.
        """
        self.reads.add(Need("service", name))
        if self.snapshot.no_services:
            raise SourceLacks(self.snapshot.no_services)
        if name not in self.snapshot.services:
            raise NeedMore([Need("service", name)])
        return self.snapshot.services[name]

    def catalog(self) -> Mapping[str, tuple[str, ...]]:
        """Return every service's name and tags, in name order; of a source that holds no services, none.

        Raises:
            NeedMore: the catalog was not read yet.
        """
        self.reads.add(Need("catalog"))
        if self.snapshot.catalog is None:
            raise NeedMore([Need("catalog")])
        return self.snapshot.catalog


def _withheld(key: str) -> HiddenKey:
    why = f"the last known good does not keep sensitive values, such as that of '{key}'; it waits for the source"
    return HiddenKey(key, why)


def _masked(item: Item) -> Item:
    return replace(item, value=f"«{item.key}»".encode()) if item.sensitive else item
