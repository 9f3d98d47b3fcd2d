"""The history as it is read: what became of targets, what changed, and the contents that are kept."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from syncd.core.history.model import HistoryChange, HistoryDetail, HistoryEntry
from syncd.core.linediff import masked_diff
from syncd.engine.history.contents import Contents, Kept

NEWEST = 2**63 - 1
"""No entry has a number beyond it: SQLite holds no larger one."""
_ENTRY = "id, at, target, kind, outcome, consul_index, counts, sensitive, error, rolled_back_to"


class Reading:
    """What the history of one journal tells."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._contents = Contents(connection)

    def keeps(self, digest: str | None) -> bool:
        """Return whether the content with this digest is kept."""
        return digest is not None and self._contents.has(digest)

    def entries(self, targets: tuple[str, ...] = (), limit: int = -1) -> list[HistoryEntry]:
        """Return the newest entries first, at most `limit` where that is not negative, of all targets for none."""
        which = f"WHERE target IN ({', '.join('?' * len(targets))})" if targets else ""
        rows = self._db.execute(
            f"SELECT {_ENTRY} FROM history {which} ORDER BY id DESC LIMIT ?",  # noqa: S608
            (*targets, limit),
        )
        return [_entry(row) for row in rows]

    def detail(self, at: int) -> HistoryDetail | None:
        """Return one entry with its changes and its diff, None where there is none."""
        if not 0 < at <= NEWEST:
            return None
        row = self._db.execute(
            f"SELECT {_ENTRY}, is_file, changes, diff FROM history WHERE id = ?",  # noqa: S608
            (at,),
        ).fetchone()
        if row is None:
            return None
        entry, is_file, diff = _entry(row[:-3]), row[-3], row[-1]
        changes = tuple(HistoryChange(*change) for change in json.loads(row[-2]))
        if entry.sensitive:
            return HistoryDetail(entry, changes, diff)
        if is_file:
            return HistoryDetail(entry, changes, diff or next(map(self._diff, changes), None))
        return HistoryDetail(entry, tuple(map(self._with_values, changes)))

    def content(self, target: str, at: int) -> Mapping[str, Kept]:
        """Return by key what a target held right after an entry; empty where that is not kept."""
        return self._contents.at(target, at)

    def held(self, target: str) -> Mapping[str, str]:
        """Return key -> brief digest of what a target holds now, as far as it is known."""
        return self._contents.held(target)

    def shown(self) -> list[str]:
        """Return the targets of which content may be kept."""
        rows = self._db.execute("SELECT target FROM versions UNION SELECT target FROM history WHERE sensitive = 0")
        return [row[0] for row in rows]

    def pairs(self, target: str) -> set[str]:
        """Return the keys of pairs that a target held, as far as their contents are kept; none for a file."""
        rows = self._db.execute(
            "SELECT DISTINCT key FROM versions WHERE target = ?1 AND NOT EXISTS "
            "(SELECT 1 FROM history WHERE target = ?1 AND is_file)",
            (target,),
        )
        return {row[0] for row in rows}

    def created_since(self, target: str, at: int) -> set[str]:
        """Return the keys that a target did not hold after an entry: what became of them first since is a create."""
        rows = self._db.execute(
            "SELECT changes FROM history WHERE target = ? AND id > ? AND outcome <> 'restored' ORDER BY id",
            (target, at),
        )
        first: dict[str, str] = {}
        for (changes,) in rows:
            for op, key, *_ in json.loads(changes):
                first.setdefault(key, op)
        return {key for key, op in first.items() if op == "create"}

    def last_applied(self) -> dict[str, float]:
        """Return when each target was last changed, in seconds since the epoch."""
        return dict(
            self._db.execute(
                "SELECT target, MAX(at) FROM history WHERE outcome IN ('applied', 'rolled_back') GROUP BY target"
            )
        )

    def _diff(self, change: HistoryChange) -> str | None:
        """Return the diff of a file's change where both contents are kept and text; None else, or for none."""
        old = b"" if change.op == "create" else self._contents.read(change.old_digest)
        new = self._contents.read(change.new_digest)
        if old is None or new is None or change.sensitive:
            return None
        try:
            texts = ((old, old.decode()), (new, new.decode()))
        except UnicodeDecodeError:
            return None
        names = ("/dev/null" if change.op == "create" else change.key, change.key)
        return masked_diff(names, *texts) or None

    def _with_values(self, change: HistoryChange) -> HistoryChange:
        if change.sensitive:
            return change
        old, new = (_text(self._contents.read(digest)) for digest in (change.old_digest, change.new_digest))
        return replace(change, old=old, new=new)


def _entry(row: tuple[Any, ...]) -> HistoryEntry:
    at, when, target, kind, outcome, index, counts, sensitive, error, to = row
    return HistoryEntry(at, when, target, kind, outcome, index, json.loads(counts), bool(sensitive), error, to)


def _text(content: bytes | None) -> str | None:
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError:
        return None
