"""The key-value store: what Consul 1.8 does with keys, tombstones and indexes. Pure.

Every write is given the index of the log entry that carries it. A read answers with the index that a client hands back
to wait for the next change.
"""

from collections.abc import Iterable

import msgspec

from syncd.dev.consul_server.records import Entry
from syncd.dev.tables import Change, Table, Tables
from syncd.dev.waiters import Concerns


class KvStore:
    """Keys, and a tombstone for each that was deleted, so that the index of its prefix does not fall back."""

    def __init__(self, tables: Tables, indexes: Table[int]) -> None:
        self._entries = tables.make("kv", Entry)
        self._graves = tables.make("graves", int)
        self._indexes = indexes

    def __len__(self) -> int:
        return len(self._entries)

    # --- reads: (index, what was found) ---

    @property
    def index(self) -> int:
        """Return the index of the last change of any key."""
        return self._indexes.get("kv") or 0

    def get(self, key: str) -> tuple[int, Entry | None]:
        """Return one key. The index of a missing one is that of the last change of any key."""
        entry = self._entries.get(key)
        return (entry.modify_index if entry else self.index), entry

    def tree(self, prefix: str) -> tuple[int, list[Entry]]:
        """Return all keys that start with `prefix`.

        The index is the newest of them and of their tombstones; where there never was any, that of any key.
        """
        entries = [entry for _, entry in self._entries.under(prefix)]
        if not prefix:
            return self.index, entries
        newest = max((entry.modify_index for entry in entries), default=0)
        buried = max((index for _, index in self._graves.under(prefix)), default=0)
        return max(newest, buried) or self.index, entries

    def keys(self, prefix: str, separator: str) -> tuple[int, list[str]]:
        """Return the names of the keys under `prefix`, cut after the first `separator` behind it, without doubles."""
        index, entries = self.tree(prefix)
        if not separator:
            return index, [entry.key for entry in entries]
        return index, list(dict.fromkeys(_cut(entry.key, len(prefix), separator) for entry in entries))

    def concerns_key(self, key: str) -> Concerns:
        """Return which changes may answer a query that waits for one key."""
        return lambda change: _in_kv(change) and (change.key == key or key not in self._entries)

    def concerns_tree(self, prefix: str) -> Concerns:
        """Return which changes may answer a query that waits for a prefix: any, where nothing is under it."""
        return lambda change: _in_kv(change) and (change.key.startswith(prefix) or not self._entries.holds(prefix))

    # --- writes ---

    def set(self, index: int, key: str, value: bytes, flags: int) -> Entry:
        """Write a key and keep the session that holds it. An identical write changes nothing, its index neither."""
        old = self._entries.get(key)
        return self._write(index, old, _entry(key, value, flags, session=old.session if old else ""))

    def set_if(self, index: int, key: str, value: bytes, flags: int, expected: int) -> Entry | None:
        """Write a key if its ModifyIndex is `expected` (0: if it does not exist); None where it is not."""
        old = self._entries.get(key)
        if (old.modify_index if old else 0) != expected:
            return None
        return self.set(index, key, value, flags)

    def lock(self, index: int, key: str, value: bytes, flags: int, session: str) -> bool:
        """Write a key and let `session` hold it; False where another session does."""
        old = self._entries.get(key)
        if old and old.session not in ("", session):
            return False
        turns = old.lock_index if old else 0
        held = bool(old and old.session == session)
        self._write(index, old, _entry(key, value, flags, session=session, lock_index=turns if held else turns + 1))
        return True

    def unlock(self, index: int, key: str, value: bytes, flags: int, session: str) -> bool:
        """Write a key and let go of it; False where `session` does not hold it."""
        old = self._entries.get(key)
        if not old or old.session != session:
            return False
        self._write(index, old, _entry(key, value, flags, lock_index=old.lock_index))
        return True

    def held_by(self, session: str) -> list[Entry]:
        """Return the keys that a session holds."""
        return [entry for _, entry in self._entries.under() if entry.session == session]

    def release(self, index: int, entries: Iterable[Entry]) -> None:
        """Take the session off keys whose session ended."""
        for entry in entries:
            self._put(msgspec.structs.replace(entry, session="", modify_index=index))

    def delete(self, index: int, key: str) -> None:
        """Remove a key, if it is there."""
        if key in self._entries:
            self._entries.drop(key)
            self._bury(index, key)

    def delete_if(self, index: int, key: str, expected: int) -> bool:
        """Remove a key if its ModifyIndex is `expected`; a key that is not there counts as removed."""
        entry = self._entries.get(key)
        if entry and entry.modify_index != expected:
            return False
        self.delete(index, key)
        return True

    def delete_tree(self, index: int, prefix: str) -> None:
        """Remove all keys that start with `prefix`. As in Consul the one tombstone stands for the prefix itself."""
        if self._entries.drop_under(prefix):
            self._bury(index, prefix)

    def _write(self, index: int, old: Entry | None, entry: Entry) -> Entry:
        if old:
            entry = msgspec.structs.replace(entry, create_index=old.create_index, modify_index=old.modify_index)
            if entry == old:
                return old
        entry = msgspec.structs.replace(entry, create_index=entry.create_index or index, modify_index=index)
        self._put(entry)
        return entry

    def _put(self, entry: Entry) -> None:
        self._entries.put(entry.key, entry)
        self._indexes.put("kv", entry.modify_index)

    def _bury(self, index: int, key: str) -> None:
        if key:
            self._graves.put(key, index)
        self._indexes.put("kv", index)


def _entry(key: str, value: bytes, flags: int, session: str = "", lock_index: int = 0) -> Entry:
    return Entry(
        lock_index=lock_index,
        key=key,
        flags=flags,
        value=value or None,
        session=session,
        create_index=0,
        modify_index=0,
    )


def _in_kv(change: Change) -> bool:
    return change.table == "kv"


def _cut(key: str, start: int, separator: str) -> str:
    end = key.find(separator, start)
    return key if end < 0 else key[: end + len(separator)]
