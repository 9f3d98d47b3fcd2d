"""Ordered tables in memory with one change log: what a write changed can be undone, kept on disk, and told to waiters.

Pure: no I/O, no clock.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Change:
    """One row before and after; None where there is none."""

    table: str
    key: str
    before: object
    after: object


class Table(Generic[V]):
    """Rows by key, in the order of the keys (of their UTF-8 bytes, which is the order of Python's strings)."""

    def __init__(self, name: str, kind: type[V], log: list[Change]) -> None:
        self.name = name
        self.kind = kind
        self._log = log
        self._rows: dict[str, V] = {}
        self._order: list[str] = []

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def get(self, key: str) -> V | None:
        """Return the row, None if there is none."""
        return self._rows.get(key)

    def under(self, prefix: str = "", after: str = "") -> Iterator[tuple[str, V]]:
        """Yield the rows whose key starts with `prefix` and sorts after `after`; nothing may be written meanwhile."""
        start = bisect_left(self._order, max(prefix, after))
        for position in range(start, len(self._order)):
            key = self._order[position]
            if not key.startswith(prefix):
                return
            if key != after:
                yield key, self._rows[key]

    def holds(self, prefix: str) -> bool:
        """Return whether any key starts with `prefix`. O(log n)."""
        start = bisect_left(self._order, prefix)
        return start < len(self._order) and self._order[start].startswith(prefix)

    def put(self, key: str, row: V) -> None:
        """Write one row."""
        self._log.append(Change(self.name, key, self._rows.get(key), row))
        self._insert(key, row)

    def drop(self, key: str) -> None:
        """Remove one row, if it is there."""
        if key in self._rows:
            self._log.append(Change(self.name, key, self._rows[key], None))
            self._remove(key)

    def drop_under(self, prefix: str) -> int:
        """Remove the rows whose key starts with `prefix`; return how many they were. O(n), however many go."""
        start = bisect_left(self._order, prefix)
        gone = [key for key, _ in self.under(prefix)]
        self._log.extend(Change(self.name, key, self._rows.pop(key), None) for key in gone)
        del self._order[start : start + len(gone)]
        return len(gone)

    def _insert(self, key: str, row: V) -> None:
        if key not in self._rows:
            insort(self._order, key)
        self._rows[key] = row

    def _remove(self, key: str) -> None:
        del self._rows[key]
        del self._order[bisect_left(self._order, key)]

    def restore(self, key: str, row: V | None) -> None:
        """Put a row back as it was, None = absent, without logging it: for `undo` and for loading."""
        if row is not None:
            self._insert(key, row)
        elif key in self._rows:
            self._remove(key)


class Tables:
    """All tables of one server, and what was changed since `take`."""

    def __init__(self) -> None:
        self._log: list[Change] = []
        self.by_name: dict[str, Table[Any]] = {}

    def make(self, name: str, kind: type[V]) -> Table[V]:
        """Add a table whose rows are of `kind`."""
        table = Table(name, kind, self._log)
        self.by_name[name] = table
        return table

    def take(self) -> Sequence[Change]:
        """Return the changes since the last call, oldest first."""
        changes = tuple(self._log)
        self._log.clear()
        return changes

    def undo(self) -> None:
        """Take back all changes since the last `take`."""
        for change in reversed(self._log):
            self.by_name[change.table].restore(change.key, change.before)
        self._log.clear()
