"""The history in the journal's file: what became of each target, and what it held after it."""

import json
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from syncd.core.checksum import seal
from syncd.core.history.model import HistoryOutcome
from syncd.core.model import OPS, Change, Entry
from syncd.core.reasons import same_reason
from syncd.engine.history.contents import BRIEF, Kept
from syncd.engine.history.contents import SCHEMA as CONTENTS_SCHEMA
from syncd.engine.history.reading import Reading
from syncd.engine.history.trimming import Retention, trim

SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS history (id INTEGER PRIMARY KEY, at REAL NOT NULL, target TEXT NOT NULL,
                      kind TEXT NOT NULL, outcome TEXT NOT NULL, consul_index INTEGER NOT NULL, counts TEXT NOT NULL,
                      sensitive INTEGER NOT NULL, error TEXT, rolled_back_to INTEGER, is_file INTEGER NOT NULL,
                      changes TEXT NOT NULL, diff TEXT, waits_for TEXT);
CREATE INDEX IF NOT EXISTS history_by_target ON history (target, id);
CREATE INDEX IF NOT EXISTS history_by_proof ON history (waits_for) WHERE waits_for IS NOT NULL;
"""
    + CONTENTS_SCHEMA
)
_SPARE = 20
"""One part in so many of what is kept may be too much for a while: each change would pay for looking."""
_FEW = 100
"""So many entries of a target are compared as a whole each time."""


@dataclass(frozen=True, slots=True)
class Happened:
    """What became of one target, as it is recorded.

    `changes` are those that were carried out, or for `restored` those that were refused. `wanted` is all that the
    target should hold, `present` what it held before where that was read, `before` the contents that were there as far
    as they are known; all by key. `config` tells one configuration from another.
    """

    target: str
    kind: str
    outcome: HistoryOutcome
    consul_index: int
    retention: Retention
    config: str
    is_file: bool
    wanted: Mapping[str, Entry]
    changes: tuple[Change, ...] = ()
    present: Mapping[str, Entry] | None = None
    before: Mapping[str, bytes] = field(default_factory=dict)
    diff: str | None = None
    error: str | None = None
    rolled_back_to: int | None = None


class History(Reading):
    """The history of one journal. `add`, `proved` and `refuted` are to be called within a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._key: bytes | None = None
        self._untrimmed: dict[str, int] = {}
        self._compared: dict[str, str] = {}
        self._sensitive: set[str] = set()
        self._known: set[str] | None = None

    def seal_with(self, key: bytes | None) -> None:
        """Use this plan key for digests of sensitive values; None keeps none of them."""
        self._key = key

    def doubt(self, target: str | None = None) -> None:
        """Believe nothing in memory: what a target holds (each for None) is compared as a whole the next time."""
        if target is None:
            self._compared.clear()
            self._known = None
        self._compared.pop(target or "", None)

    def knows(self, target: str) -> bool:
        """Return whether there is an entry of a target."""
        if self._known is None:
            self._known = {row[0] for row in self._db.execute("SELECT DISTINCT target FROM history")}
        return target in self._known

    def add(self, one: Happened, waits_for: str | None = None) -> None:
        """Record what became of a target; a refusal that was recorded already is not again.

        Args:
            waits_for: the reload whose probe will prove it.
        """
        if one.retention.keep == 0:
            self._forget(one.target)
            return
        whole = self._compared.get(one.target) != one.config or len(one.wanted) < _FEW
        if whole:
            self._sensitive.discard(one.target)
        if any(entry.sensitive for entry in (one.wanted.values() if whole else _entries(one.changes))):
            self._sensitive.add(one.target)
        sensitive = one.target in self._sensitive
        changes = json.dumps([self._sealed(change) for change in one.changes], separators=(",", ":"))
        if one.outcome in ("failed", "restored") and self._said(one, changes):
            return
        at = self._insert(one, changes, sensitive, waits_for)
        if sensitive:
            self.forget_contents(one.target)
        elif one.outcome != "restored":
            self._follow(one, at, whole)
        self._compared[one.target] = one.config
        if self._known is not None:
            self._known.add(one.target)
        self._untrimmed[one.target] = self._untrimmed.get(one.target, one.retention.keep) + 1
        if self._untrimmed[one.target] > one.retention.keep // _SPARE:
            trim(self._db, self._contents, one.target, one.retention)
            self._untrimmed[one.target] = 0

    def proved(self, reload: str) -> None:
        """Note that a probe has passed."""
        self._db.execute("UPDATE history SET waits_for = NULL WHERE waits_for = ?", (reload,))

    def refuted(self, reload: str, why: str) -> None:
        """Note that a probe failed, as `why` says, and that all that waited for it went back to what it was."""
        rows = self._db.execute("SELECT id, target FROM history WHERE waits_for = ? ORDER BY id DESC", (reload,))
        for at, target in rows.fetchall():
            self._keep_diff(at)
            self._contents.undo(target, at)
            self._db.execute(
                "UPDATE history SET outcome = 'restored', waits_for = NULL, error = ? WHERE id = ?",
                (f"{why}; the files that stood there before were put back", at),
            )
            self.doubt(target)

    def trim(self, retention: Retention) -> None:
        """Forget what is kept no longer of all targets; to be called within a transaction."""
        for (target,) in self._db.execute("SELECT DISTINCT target FROM history").fetchall():
            if retention.keep == 0:
                self._forget(target)
            else:
                trim(self._db, self._contents, target, retention)

    def _insert(self, one: Happened, changes: str, sensitive: bool, waits_for: str | None) -> int:
        counts = {op: sum(change.op == op for change in one.changes) for op in OPS}
        row = self._db.execute(
            "INSERT INTO history VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                time.time(),
                one.target,
                one.kind,
                one.outcome,
                one.consul_index,
                json.dumps(counts),
                sensitive,
                one.error,
                one.rolled_back_to,
                one.is_file,
                changes,
                one.diff,
                waits_for,
            ),
        )
        return int(row.lastrowid or 0)

    def _sealed(self, change: Change) -> list[Any]:
        old, new = change.old_digest or None, change.new_digest
        if change.sensitive:
            old, new = seal(old, self._key), seal(new, self._key)
        digests = [digest and digest[:BRIEF] for digest in (old, new)]
        return [change.op, change.key, *digests, change.sensitive, change.note]

    def _said(self, one: Happened, changes: str) -> bool:
        row = self._db.execute(
            "SELECT outcome, changes, error FROM history WHERE target = ? ORDER BY id DESC LIMIT 1", (one.target,)
        ).fetchone()
        if row is None or row[0] != one.outcome:
            return False
        # A retry tells of a pid or a time that is another each time.
        return not one.changes or (row[1] == changes and same_reason(row[2], one.error))

    def _follow(self, one: Happened, at: int, whole: bool) -> None:
        """Note what a target holds now: as a whole, or what was changed where the rest is known to be as noted."""
        done = {change.key: change for change in one.changes}
        gone = {key for key, change in done.items() if change.op == "delete"}
        held = {key: change.entry for key, change in done.items() if change.entry is not None}
        if whole:
            there = one.present
            same = {
                key: entry
                for key, entry in one.wanted.items()
                if key not in done and (there is None or (key in there and _same(there[key].digest, entry.digest)))
            }
            held = {**held, **same}
            known = self._contents.held(one.target)
            gone |= {
                key
                for key, digest in known.items()
                if key not in held and not (there and key in there and _same(there[key].digest, digest))
            }
        self._contents.drop(one.target, at, gone)
        kept = {
            key: Kept(entry.digest, entry.content, entry.mode)
            for key, entry in held.items()
            if entry.content is not None
        }
        self._contents.put(one.target, at, kept, one.before)

    def forget_contents(self, target: str) -> None:
        """Keep nothing of a target that came to hold sensitive values: what was not sensitive may be so now."""
        self._contents.purge(target)
        rows = self._db.execute("SELECT id, changes FROM history WHERE target = ? AND sensitive = 0", (target,))
        for at, text in rows.fetchall():
            changes = json.dumps([[op, key, None, None, True, note] for op, key, _, _, _, note in json.loads(text)])
            self._db.execute("UPDATE history SET sensitive = 1, diff = NULL, changes = ? WHERE id = ?", (changes, at))
        self.doubt(target)

    def _forget(self, target: str) -> None:
        if self.knows(target):
            self._contents.purge(target)
            self._db.execute("DELETE FROM history WHERE target = ?", (target,))
            self.doubt()

    def _keep_diff(self, at: int) -> None:
        """Keep an entry's diff as text: the content that it is made from goes."""
        if (found := self.detail(at)) is not None:
            self._db.execute("UPDATE history SET diff = ? WHERE id = ?", (found.diff, at))


def _entries(changes: tuple[Change, ...]) -> list[Entry]:
    return [change.entry for change in changes if change.entry is not None]


def _same(one: str, other: str) -> bool:
    return one[:BRIEF] == other[:BRIEF]
