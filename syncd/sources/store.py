"""The newest snapshot of a watched Consul, and how one answer of a watch changes it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from syncd.consul.answers import Pair, Reply
from syncd.consul.budget import Path
from syncd.core.changes import Changed, between
from syncd.core.model import Item, Need, Presence, RawKey
from syncd.core.snapshot import Rules, Snapshot, layered
from syncd.sources.reading import Reading


class Store:
    """Holds the keys as Consul has them, by name relative to the prefix, and the snapshot that targets see."""

    def __init__(self, prefix: str, rules: Rules) -> None:
        self._cut = len(prefix)
        self._rules = rules
        self._raw: dict[str, Pair] = {}
        self._brought: dict[Path, dict[str, Pair]] = {}
        self.snapshot = Snapshot()

    def replace(self, reading: Reading) -> Changed:
        """Take a full reading as the truth; return what it changed."""
        old, self.snapshot = self.snapshot, reading.snapshot
        self._raw = dict(reading.pairs)
        self._brought.clear()
        return between(old, self.snapshot)

    def vanishing(self, path: Path, reply: Reply[Any]) -> set[str]:
        """Return the exact keys that somebody needs and that this answer does not show any more."""
        if path.kind not in ("folder", "key"):
            return set()
        covers = self.snapshot.covers
        gone = self._before(path).keys() - self._pairs(path, reply).keys()
        return {key for key in gone if Need("key", self._visible(key)) in covers}

    def take(self, path: Path, reply: Reply[Any], said: Mapping[str, Presence]) -> Changed:
        """Put one answer into the snapshot.

        Args:
            said: what a read of the key itself says of those that vanish; one that is not gone keeps its value.
        """
        index = max(self.snapshot.index, reply.index)
        if path.kind == "service":
            known = self.snapshot.services.get(path.name)
            self.snapshot = replace(
                self.snapshot, services={**self.snapshot.services, path.name: reply.data}, index=index
            )
            return Changed() if known == reply.data else Changed(services=frozenset([path.name]))
        if path.kind == "catalog":
            catalog, self.snapshot = self.snapshot.catalog, replace(self.snapshot, catalog=reply.data, index=index)
            return Changed(catalog=catalog != reply.data)
        return self._take_pairs(path, reply, said, index)

    def _take_pairs(self, path: Path, reply: Reply[Any], said: Mapping[str, Presence], index: int) -> Changed:
        before, fresh = self._before(path), self._pairs(path, reply)
        moved = [
            key
            for key, pair in fresh.items()
            if (old := before.get(key)) is None or old.modify_index != pair.modify_index
        ]
        gone = before.keys() - fresh.keys()
        hidden = {key for key in gone if said.get(key) is Presence.HIDDEN}
        doubtful = {key for key in gone if said.get(key) in (Presence.PRESENT, Presence.UNKNOWN)}
        for key in moved:
            self._raw[key] = fresh[key]
        for key in gone - doubtful:
            self._raw.pop(key, None)
        # A key in doubt is looked for again in the next answer.
        self._brought[path] = fresh | {key: before[key] for key in doubtful}
        was = self.snapshot
        self._publish({*map(self._visible, moved), *map(self._visible, gone - doubtful)} - {""}, hidden, index)
        touched = {*map(self._visible, moved), *map(self._visible, gone)}
        return Changed(
            frozenset(
                key
                for key in touched
                if was.items.get(key) != self.snapshot.items.get(key)
                or (key in was.hidden) != (key in self.snapshot.hidden)
            )
        )

    def _publish(self, keys: Iterable[str], hidden: set[str], index: int) -> None:
        items = dict(self.snapshot.items)
        held_back = set(self.snapshot.hidden)
        fresh_names = False
        for key in keys:
            item = self._item(key)
            if item is None:
                items.pop(key, None)
            else:
                fresh_names = fresh_names or key not in items
                items[key] = item
                held_back.discard(key)
        for key in map(self._visible, hidden):
            items.pop(key, None)
            held_back.add(key)
        self.snapshot = replace(
            self.snapshot,
            items=dict(sorted(items.items())) if fresh_names else items,
            hidden=frozenset(held_back),
            index=index,
        )

    def _item(self, key: str) -> Item | None:
        sources = [key, f"{self._rules.layer}/{key}"] if self._rules.layer else [key]
        raw = [
            RawKey(name, pair.value or b"", pair.modify_index)
            for name in sources
            if (pair := self._raw.get(name)) is not None
        ]
        return layered(raw, self._rules).get(key)

    def _before(self, path: Path) -> dict[str, Pair]:
        known = self._brought.get(path)
        if known is None:
            known = {key: pair for key, pair in self._raw.items() if path.holds(Path("key", key))}
            self._brought[path] = known
        return known

    def _pairs(self, path: Path, reply: Reply[Any]) -> dict[str, Pair]:
        cut = self._cut
        if path.kind == "key":
            return {} if reply.data is None else {path.name: reply.data}
        return {pair.key[cut:]: pair for pair in reply.data}

    def _visible(self, key: str) -> str:
        """Return the name that targets see a source key by, "" where they do not see it."""
        overlay = self._rules.layer
        if not overlay or not key.startswith("env/"):
            return key
        return key[len(overlay) + 1 :] if key.startswith(overlay + "/") else ""
