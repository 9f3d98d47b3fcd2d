"""The contents that targets held, each with the span of entries of the history in which it was there.

A span ends where a later entry changed or deleted the key: what a pass adds depends on what it changed, not on how much
the target holds. A large content is kept as what differs from the one before it.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

BRIEF = 32
"""Characters of a digest that name a content: all that Workers KV's metadata holds."""
_BLOCKS = (65_536, 4096, 128)
"""Bytes that two contents are compared by, from coarse to fine."""
_LARGE = 8192
"""Bytes; what is smaller is kept whole."""
_LONGEST_CHAIN = 64
"""So many differences are put together at most to read one content."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS versions (target TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL,
                      from_id INTEGER NOT NULL, to_id INTEGER, mode INTEGER,
                      PRIMARY KEY (target, key, from_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS versions_by_digest ON versions (digest);
CREATE INDEX IF NOT EXISTS versions_by_end ON versions (target, to_id) WHERE to_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS contents (digest TEXT PRIMARY KEY, value BLOB NOT NULL, base TEXT, head INTEGER NOT NULL,
                      tail INTEGER NOT NULL, chain INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS contents_by_base ON contents (base) WHERE base IS NOT NULL;
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """What one key of a target held, with the mode that a file has where the config names none."""

    digest: str
    content: bytes
    mode: int | None = None


class Contents:
    """What targets held; every method but `read`, `at` and `held` is to be called within a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def held(self, target: str) -> dict[str, str]:
        """Return key -> brief digest of what a target holds now, as far as it is known."""
        query = "SELECT key, digest FROM versions WHERE target = ? AND to_id IS NULL"
        return dict(self._db.execute(query, (target,)))

    def at(self, target: str, at: int) -> dict[str, Kept]:
        """Return by key what a target held right after an entry of the history."""
        rows = self._db.execute(
            "SELECT key, digest, mode FROM versions WHERE target = ?1 AND from_id <= ?2 AND "
            "(to_id IS NULL OR to_id > ?2)",
            (target, at),
        ).fetchall()
        return {
            key: Kept(digest, content, mode) for key, digest, mode in rows if (content := self.read(digest)) is not None
        }

    def has(self, digest: str) -> bool:
        """Return whether the content with a digest is kept."""
        return self._db.execute("SELECT 1 FROM contents WHERE digest = ?", (digest[:BRIEF],)).fetchone() is not None

    def read(self, digest: str | None) -> bytes | None:
        """Return the content with a digest, None where it is not kept."""
        if digest is None:
            return None
        row = self._db.execute(
            "SELECT value, base, head, tail FROM contents WHERE digest = ?", (digest[:BRIEF],)
        ).fetchone()
        if row is None or row[1] is None:
            return None if row is None else bytes(row[0])
        base = self.read(row[1])
        return None if base is None else base[: row[2]] + bytes(row[0]) + base[len(base) - row[3] :]

    def put(self, target: str, at: int, held: Mapping[str, Kept], before: Mapping[str, bytes]) -> None:
        """Note that a target holds these by key since an entry.

        Args:
            before: what was there until then by key, where that is known: large contents are kept as the difference.
        """
        for key, one in held.items():
            brief = one.digest[:BRIEF]
            row = self._db.execute(
                "SELECT digest FROM versions WHERE target = ? AND key = ? AND to_id IS NULL", (target, key)
            ).fetchone()
            if row is not None and row[0] == brief:
                continue
            if row is not None:
                self._end(target, at, [key])
            self._keep(brief, one.content, row[0] if row is not None else None, before.get(key))
            values = (target, key, brief, at, one.mode)
            self._db.execute("INSERT OR REPLACE INTO versions VALUES (?, ?, ?, ?, NULL, ?)", values)

    def drop(self, target: str, at: int, keys: Iterable[str]) -> None:
        """Note that a target does not hold these keys any more since an entry."""
        self._end(target, at, keys)

    def undo(self, target: str, at: int) -> None:
        """Forget what an entry changed: what was there before it still is."""
        gone = self._db.execute("SELECT digest FROM versions WHERE target = ? AND from_id = ?", (target, at)).fetchall()
        self._db.execute("DELETE FROM versions WHERE target = ? AND from_id = ?", (target, at))
        self._db.execute("UPDATE versions SET to_id = NULL WHERE target = ? AND to_id = ?", (target, at))
        self._sweep(row[0] for row in gone)

    def trim(self, target: str, oldest: int) -> None:
        """Forget what was gone before an entry; what that entry replaced stays, to be shown beside what it wrote."""
        where = "target = ? AND to_id < ?"
        gone = self._db.execute(f"SELECT digest FROM versions WHERE {where}", (target, oldest)).fetchall()  # noqa: S608
        if gone:
            self._db.execute(f"DELETE FROM versions WHERE {where}", (target, oldest))  # noqa: S608
            self._sweep(row[0] for row in gone)

    def replaced_bytes(self, target: str) -> list[tuple[int, int]]:
        """Return the entries that replaced contents of a target, the newest first, with how many bytes those take."""
        query = (
            "SELECT to_id, SUM(LENGTH(value)) FROM versions JOIN contents USING (digest) "
            "WHERE target = ? AND to_id IS NOT NULL GROUP BY to_id ORDER BY to_id DESC"
        )
        return self._db.execute(query, (target,)).fetchall()

    def purge(self, target: str) -> None:
        """Forget all that a target held; what was kept of it is overwritten on the disk too."""
        gone = self._db.execute("SELECT DISTINCT digest FROM versions WHERE target = ?", (target,)).fetchall()
        if not gone:
            return
        self._db.execute("PRAGMA secure_delete = ON")
        self._db.execute("DELETE FROM versions WHERE target = ?", (target,))
        self._sweep(row[0] for row in gone)

    def _end(self, target: str, at: int, keys: Iterable[str]) -> None:
        self._db.executemany(
            "UPDATE versions SET to_id = ? WHERE target = ? AND key = ? AND to_id IS NULL",
            [(at, target, key) for key in keys],
        )

    def _keep(self, digest: str, content: bytes, base: str | None, base_content: bytes | None) -> None:
        if base is not None and base_content is not None and len(content) >= _LARGE:
            row = self._db.execute("SELECT chain FROM contents WHERE digest = ?", (base,)).fetchone()
            head, tail = _alike(base_content, content)
            if row is not None and row[0] < _LONGEST_CHAIN and 2 * (head + tail) > len(content):
                middle = content[head : len(content) - tail]
                self._db.execute(
                    "INSERT OR IGNORE INTO contents VALUES (?, ?, ?, ?, ?, ?)",
                    (digest, middle, base, head, tail, row[0] + 1),
                )
                return
        self._db.execute("INSERT OR IGNORE INTO contents VALUES (?, ?, NULL, 0, 0, 0)", (digest, content))

    def _sweep(self, digests: Iterable[str]) -> None:
        """Remove contents that no span needs, and no other content is kept as a difference from."""
        for first in digests:
            digest: str | None = first
            while digest is not None:
                row = self._db.execute(
                    "SELECT base FROM contents WHERE digest = ?1 AND NOT EXISTS (SELECT 1 FROM versions WHERE "
                    "digest = ?1) AND NOT EXISTS (SELECT 1 FROM contents WHERE base = ?1)",
                    (digest,),
                ).fetchone()
                if row is not None:
                    self._db.execute("DELETE FROM contents WHERE digest = ?", (digest,))
                digest = row[0] if row is not None else None


def _alike(old: bytes, new: bytes) -> tuple[int, int]:
    """Return how many bytes two contents share at their beginning and at their end, in whole blocks."""
    shorter = min(len(old), len(new))
    head = tail = 0
    for size in _BLOCKS:
        while head + size <= shorter and new.startswith(old[head : head + size], head):
            head += size
    for size in _BLOCKS:
        while head + tail + size <= shorter and new.startswith(
            old[len(old) - tail - size : len(old) - tail], len(new) - tail - size
        ):
            tail += size
    return head, tail
