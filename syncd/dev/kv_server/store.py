"""Namespaces with their pairs, kept on disk with every write."""

from collections.abc import Iterable, Mapping
from itertools import islice

from syncd.dev.kv_server.records import Pair
from syncd.dev.storage import Storage
from syncd.dev.tables import Tables


class KvNamespaces:
    """All pairs of all namespaces.

    Args:
        storage: what was kept is loaded from it; every write goes to it.
        known: the namespaces that exist; None = each exists as soon as it is named, so that any configuration works.
    """

    def __init__(self, storage: Storage, known: frozenset[str] | None = None) -> None:
        self._tables = Tables()
        self._storage = storage
        self._known = known
        self._pairs = self._tables.make("pairs", Pair)
        storage.load(self._tables)

    def exists(self, namespace: str) -> bool:
        """Return whether there is such a namespace."""
        return self._known is None or namespace in self._known

    def get(self, namespace: str, key: str) -> Pair | None:
        """Return one pair, None if it is not there."""
        return self._pairs.get(_row(namespace, key))

    def page(self, namespace: str, prefix: str, after: str, limit: int) -> tuple[list[tuple[str, Pair]], str]:
        """Return up to `limit` pairs behind the key `after`, and the last key where more follow (else empty)."""
        rows = self._pairs.under(_row(namespace, prefix), after=_row(namespace, after) if after else "")
        found = [(row.removeprefix(_row(namespace, "")), pair) for row, pair in islice(rows, limit + 1)]
        more = len(found) > limit
        return found[:limit], found[limit - 1][0] if more else ""

    def put(self, namespace: str, pairs: Mapping[str, Pair]) -> None:
        """Write pairs."""
        for key, pair in pairs.items():
            self._pairs.put(_row(namespace, key), pair)
        self._storage.save(self._tables.take())

    def delete(self, namespace: str, keys: Iterable[str]) -> None:
        """Remove keys; those that are not there are no error."""
        for key in keys:
            self._pairs.drop(_row(namespace, key))
        self._storage.save(self._tables.take())

    def close(self) -> None:
        """Close the file."""
        self._storage.close()


def _row(namespace: str, key: str) -> str:
    return f"{namespace}/{key}"  # an id is one segment of a path, so it holds no /
