"""The newest snapshot of a watched Consul, and how one answer of a watch changes it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from syncd.consul.answers import Pair, Reply
from syncd.consul.budget import Path
from syncd.core.changes import Changed, between
from syncd.core.model import Item, Need, Presence, RawKey
from syncd.core.snapshot import Rules, Snapshot, layered
from syncd.sources.reading import Reading


@dataclass(frozen=True, slots=True)
class News:
    """Pairs that are new or were written, and pairs that are not shown any more, by name relative to the prefix."""

    moved: Mapping[str, Pair]
    gone: Mapping[str, Pair]

    def __bool__(self) -> bool:
        return bool(self.moved or self.gone)


class Store:
    """Holds the keys as Consul has them, by name relative to the prefix, and the snapshot that targets see."""

    def __init__(self, prefix: str, rules: Rules) -> None:
        self._cut = len(prefix)
        self._rules = rules
        self._raw: dict[str, Pair] = {}
        self._brought: dict[Path, Sequence[Pair]] = {}
        self.snapshot = Snapshot()

    def replace(self, reading: Reading) -> Changed:
        """Take a full reading as the truth; return what it changed."""
        old, self.snapshot = self.snapshot, reading.snapshot
        self._raw = dict(reading.pairs)
        self._brought.clear()
        return between(old, self.snapshot)

    def news(self, path: Path, reply: Reply[Any]) -> News:
        """Return what an answer about keys says that the one before it did not."""
        before, now = self._before(path), _pairs(reply)
        cut = self._cut
        if len(before) == len(now):  # mostly: a value changed, and the keys are the same in the same order
            written = [(old, new) for old, new in zip(before, now, strict=True) if old != new]
            if all(old.key == new.key for old, new in written):
                return News({new.key[cut:]: new for _, new in written}, {})
        held, shown = ({pair.key[cut:]: pair for pair in pairs} for pairs in (before, now))
        return News(
            {key: pair for key, pair in shown.items() if held.get(key) != pair},
            {key: pair for key, pair in held.items() if key not in shown},
        )

    def needed(self, gone: Iterable[str]) -> set[str]:
        """Return those of the keys that vanished and that somebody needs as exact keys."""
        return {key for key in gone if Need("key", self._visible(key)) in self.snapshot.covers}

    def take(self, path: Path, reply: Reply[Any], news: News, said: Mapping[str, Presence]) -> Changed:
        """Put an answer about keys into the snapshot.

        Args:
            news: of this answer.
            said: what a read of the key itself says of those that vanish; one that is not gone keeps its value.
        """
        hidden = {key for key in news.gone if said.get(key) is Presence.HIDDEN}
        doubtful = {key for key in news.gone if said.get(key) in (Presence.PRESENT, Presence.UNKNOWN)}
        self._raw.update(news.moved)
        for key in news.gone.keys() - doubtful:
            self._raw.pop(key, None)
        # A key in doubt is looked for again in the next answer.
        self._brought[path] = [*_pairs(reply), *(news.gone[key] for key in sorted(doubtful))]
        was = self.snapshot
        moved = {*map(self._visible, news.moved), *map(self._visible, news.gone.keys() - doubtful)} - {""}
        self._publish(moved, hidden, max(was.index, reply.index))
        return Changed(
            frozenset(
                key
                for key in moved
                if was.items.get(key) != self.snapshot.items.get(key)
                or (key in was.hidden) != (key in self.snapshot.hidden)
            )
        )

    def take_services(self, path: Path, reply: Reply[Any]) -> Changed:
        """Put an answer about one service, or about the catalog, into the snapshot."""
        was, index = self.snapshot, max(self.snapshot.index, reply.index)
        if path.kind == "service":
            self.snapshot = replace(was, services={**was.services, path.name: reply.data}, index=index)
            return Changed() if was.services.get(path.name) == reply.data else Changed(services=frozenset([path.name]))
        self.snapshot = replace(was, catalog=reply.data, index=index)
        return Changed(catalog=was.catalog != reply.data)

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

    def _before(self, path: Path) -> Sequence[Pair]:
        if path not in self._brought:
            in_folder = path.kind == "folder"
            self._brought[path] = [
                pair
                for key, pair in self._raw.items()
                if (key.startswith(path.name) if in_folder else key == path.name)
            ]
        return self._brought[path]

    def _visible(self, key: str) -> str:
        """Return the name that targets see a source key by, "" where they do not see it."""
        overlay = self._rules.layer
        if not overlay or not key.startswith("env/"):
            return key
        return key[len(overlay) + 1 :] if key.startswith(overlay + "/") else ""


def _pairs(reply: Reply[Any]) -> list[Pair]:
    """Return the pairs of an answer about a folder or about one key."""
    data: list[Pair] | Pair | None = reply.data
    if isinstance(data, list):
        return data
    return [] if data is None else [data]
