"""How much of the history is kept: so many entries of a target, so long, and so many bytes."""

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass

from syncd.engine.history.contents import Contents

MOST_BYTES = 32 * 2**20
"""What a target's replaced contents may take once the whole journal takes more than that: each reader copies it."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How many entries of each target are kept, and how long after it was replaced, in seconds; `keep` 0 is none."""

    keep: int
    max_age_s: float


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    at: float
    is_way: bool
    """True where the target can be rolled back to it."""


def trim(database: sqlite3.Connection, contents: Contents, target: str, retention: Retention) -> None:
    """Forget entries of a target that are too many, or whose content was replaced too long ago; the newest one stays.

    Entries that are no way back do not count with those that are: what is refused again and again takes no place.
    """
    limit = time.time() - retention.max_age_s
    large = _size(database) > MOST_BYTES
    if not large and _is_little(database, target, retention.keep, limit):
        return
    query = "SELECT id, at, sensitive = 0 AND outcome <> 'restored' FROM history WHERE target = ? ORDER BY id DESC"
    rows = [_Row(at, when, bool(way)) for at, when, way in database.execute(query, (target,))]
    ways = [row for row in rows if row.is_way]
    others = [row for row in rows if not row.is_way]
    kept = _kept(ways or others, retention.keep, limit)
    if large and ways:
        kept = _fitting(kept, contents.replaced_bytes(target))
    oldest = kept[-1].id
    gone = {row.id for row in rows if row.id < oldest} | {row.id for row in others[retention.keep :]}
    if gone:
        database.executemany("DELETE FROM history WHERE id = ?", [(at,) for at in gone])
        contents.trim(target, oldest)


def _is_little(database: sqlite3.Connection, target: str, keep: int, limit: float) -> bool:
    count = database.execute("SELECT COUNT(*) FROM history WHERE target = ?", (target,)).fetchone()[0]
    query = "SELECT at FROM history WHERE target = ? ORDER BY id LIMIT 2"
    oldest_two = database.execute(query, (target,)).fetchall()
    return bool(count <= keep and oldest_two[-1][0] >= limit)


def _size(database: sqlite3.Connection) -> int:
    """Return how many bytes of the journal's file are in use."""
    pages, free, each = (
        int(database.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * each


def _kept(rows: Sequence[_Row], keep: int, limit: float) -> Sequence[_Row]:
    """Return of entries, the newest first, those that are neither too many nor were replaced before `limit`."""
    kept = 1
    while kept < min(len(rows), keep) and rows[kept - 1].at >= limit:
        kept += 1
    return rows[:kept]


def _fitting(rows: Sequence[_Row], replaced: Sequence[tuple[int, int]]) -> Sequence[_Row]:
    """Return of entries, the newest first, those whose contents fit.

    Args:
        replaced: entries and the bytes of the contents that they replaced, the newest first.
    """
    total = 0
    for at, size in replaced:
        total += size
        if total > MOST_BYTES:
            return [row for row in rows if row.id > at] or rows[:1]
    return rows
