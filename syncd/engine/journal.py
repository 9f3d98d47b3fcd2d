"""What syncd remembers between passes, in SQLite: what it wrote, from which keys, what it still owes, the history.

Every method is one transaction, durable when it returns (`synchronous = FULL`).
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncd.core.errors import StateError
from syncd.engine import journal_file
from syncd.engine.history.table import Happened, History
from syncd.engine.history.trimming import Retention


@dataclass(frozen=True, slots=True)
class Written:
    """One entry as we last wrote it. `masked` is a sensitive file's content as it may be shown."""

    target: str
    key: str
    digest: str
    sensitive: bool = False
    masked: str | None = None


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the last applied rendering of a target read: source key by key, and instances per service name."""

    keys: Mapping[str, str]
    """Key -> the layer that won, "" for none."""
    services: Mapping[str, int]


class Journal:
    """The journal of one state dir; close it when done."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        # Nobody else writes to it while we have it, so what was read or written once need not be read again.
        self._inputs: dict[str, Inputs] = {}
        self._written: dict[str, dict[str, Written]] = {}
        self.history = History(connection)
        self._begun = {str(row[0]) for row in connection.execute("SELECT reload_group FROM intents")}

    @classmethod
    def open(cls, path: Path) -> "Journal":
        """Open for a pass that writes; creates the file (0600) and its tables.

        Raises:
            Damaged: not a journal.
            StateError: it cannot be opened, or was written by a newer syncd.
        """
        return cls(journal_file.connect(path))

    @classmethod
    def snapshot(cls, path: Path) -> "Journal":
        """Return an in-memory copy to read from: a dry run writes nothing, not even a lock file.

        Raises:
            Damaged, StateError: as `open`.
        """
        return cls(journal_file.copy(path))

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # What we wrote

    def written(self, target: str) -> Mapping[str, Written]:
        """Return the entries of one target by key."""
        if target not in self._written:
            rows = self._db.execute(
                "SELECT target, key, digest, sensitive, masked FROM entries WHERE target = ?", (target,)
            )
            self._written[target] = {row[1]: Written(row[0], row[1], row[2], bool(row[3]), row[4]) for row in rows}
        return self._written[target]

    def targets(self) -> dict[str, str]:
        """Return every target that ever wrote something: name -> kind."""
        return dict(self._db.execute("SELECT target, kind FROM targets ORDER BY target"))

    def inputs(self, target: str) -> Inputs:
        """Return what the last applied rendering of a target read; empty where there was none."""
        if target not in self._inputs:
            row = self._db.execute("SELECT inputs, services FROM targets WHERE target = ?", (target,)).fetchone()
            self._inputs[target] = Inputs(json.loads(row[0]), json.loads(row[1])) if row else Inputs({}, {})
        return self._inputs[target]

    def record(
        self,
        kind: str,
        target: str,
        *,
        inputs: Inputs | None = None,
        wrote: Iterable[Written] = (),
        dropped: Iterable[str] = (),
        happened: Happened | None = None,
    ) -> None:
        """Remember that a target was applied: what it read, and the entries that were written or deleted."""
        with self._transaction():
            self._record(kind, target, inputs, wrote, dropped)
            if happened is not None:
                self.history.add(happened)

    def tell(self, happened: Happened) -> None:
        """Remember for the history alone what became of a target."""
        with self._transaction():
            self.history.add(happened)

    def trim_history(self, retention: Retention) -> None:
        """Forget what of the history is kept no longer, of all targets: those too that do not change."""
        with self._transaction():
            self.history.trim(retention)

    def forget_sensitive(self, is_sensitive: Callable[[str, str], bool]) -> None:
        """Forget the contents of targets that, by the rules of now, hold something sensitive.

        Args:
            is_sensitive: takes a target and a key that it read, or of a pair that it held.
        """
        with self._transaction():
            for target in self.history.shown():
                keys = self.inputs(target).keys.keys() | self.history.pairs(target)
                if any(is_sensitive(target, key) for key in keys):
                    self.history.forget_contents(target)

    def _record(
        self, kind: str, target: str, inputs: Inputs | None, wrote: Iterable[Written], dropped: Iterable[str]
    ) -> None:
        self._db.execute(
            "INSERT INTO targets VALUES (?, ?, '{}', '{}') "
            "ON CONFLICT (target) DO UPDATE SET kind = excluded.kind WHERE kind <> excluded.kind",
            (target, kind),
        )
        if inputs is not None and inputs != self.inputs(target):
            self._inputs[target] = inputs
            self._db.execute(
                "UPDATE targets SET inputs = ?, services = ? WHERE target = ?",
                (json.dumps(dict(inputs.keys)), json.dumps(dict(inputs.services)), target),
            )
        fresh, gone = {one.key: one for one in wrote}, set(dropped)
        rows = [(one.target, one.key, one.digest, one.sensitive, one.masked) for one in fresh.values()]
        self._db.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)", rows)
        self._db.executemany("DELETE FROM entries WHERE target = ? AND key = ?", [(target, key) for key in gone])
        held = {**self.written(target), **fresh}
        self._written[target] = {key: one for key, one in held.items() if key not in gone} if gone else held

    # Transactions of a reload group, and owed reloads

    def intents(self) -> dict[str, list[dict[str, Any]]]:
        """Return the steps of every transaction that was begun and neither finished nor rolled back, by group."""
        if not self._begun:
            return {}
        return {group: json.loads(steps) for group, steps in self._db.execute("SELECT * FROM intents")}

    def begin(self, group: str, steps: Sequence[Mapping[str, Any]]) -> None:
        """Remember what a transaction is about to do."""
        with self._transaction():
            self._db.execute("INSERT INTO intents VALUES (?, ?)", (group, json.dumps(list(steps))))
        self._begun.add(group)

    def finish(
        self,
        group: str,
        wrote: Sequence[Written],
        inputs: Mapping[str, tuple[str, Inputs]],
        owe: str | None,
        unproved: Sequence[Mapping[str, Any]] = (),
        happened: Sequence[Happened] = (),
    ) -> None:
        """End a transaction whose files are in place and checked: new digests, and the reload it owes, in one commit.

        Args:
            inputs: target -> (kind, what it read).
            owe: the reload to owe, None for none.
            unproved: the steps to undo should the probe of that reload fail; what the journal says of the targets is
                kept with them.
            happened: what the history says of it.
        """
        with self._transaction():
            if unproved:
                before = {**{target: self._state(target) for target in inputs}, **self._before(owe)}
                row = (owe, group, json.dumps(list(unproved)), json.dumps(before))
                self._db.execute("INSERT OR REPLACE INTO unproved VALUES (?, ?, ?, ?)", row)
            for target, (kind, read) in inputs.items():
                self._record(kind, target, read, [one for one in wrote if one.target == target], ())
            if owe is not None:
                self._db.execute("INSERT OR REPLACE INTO owed VALUES (?, ?)", (owe, "files changed"))
            for one in happened:
                self.history.add(one, waits_for=owe if unproved else None)
            self._db.execute("DELETE FROM intents WHERE reload_group = ?", (group,))
        self._begun.discard(group)

    def rolled_back(self, group: str) -> None:
        """Forget a transaction whose files are all as they were."""
        with self._transaction():
            self._db.execute("DELETE FROM intents WHERE reload_group = ?", (group,))
        self._begun.discard(group)

    def owed(self) -> dict[str, str]:
        """Return the reloads that are owed, with the reason."""
        return dict(self._db.execute("SELECT reload, reason FROM owed"))

    def owe(self, reloads: Iterable[str], reason: str) -> None:
        """Owe reloads that no transaction owes."""
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO owed VALUES (?, ?)", [(name, reason) for name in reloads])

    def paid(self, reload: str) -> None:
        """Forget an owed reload: it was done, and proved where it has a probe."""
        with self._transaction():
            self._db.execute("DELETE FROM owed WHERE reload = ?", (reload,))
            self._db.execute("DELETE FROM unproved WHERE reload = ?", (reload,))
            self.history.proved(reload)

    def hand_on(self, reload: str, heirs: Iterable[str], reason: str) -> None:
        """Owe what a reload owes to others instead, and forget what would undo it."""
        with self._transaction():
            self._db.execute("DELETE FROM owed WHERE reload = ?", (reload,))
            self._db.execute("DELETE FROM unproved WHERE reload = ?", (reload,))
            self._db.executemany("INSERT OR IGNORE INTO owed VALUES (?, ?)", [(name, reason) for name in heirs])
            self.history.proved(reload)

    def unproved(self, reload: str | None = None) -> list[dict[str, Any]]:
        """Return the steps to undo should the probe of a reload fail; of all reloads for None."""
        rows = self._db.execute("SELECT steps FROM unproved WHERE reload = ?1 OR ?1 IS NULL", (reload,))
        return [step for row in rows for step in json.loads(row[0])]

    def refuted(self, reload: str, why: str) -> str | None:
        """Turn what a probe did not prove into a transaction to roll back, and say again what was said before it.

        `why` is what the probe said, as it may be shown. Returns the transaction's group, None where there is nothing
        to undo.
        """
        row = self._db.execute("SELECT reload_group, steps FROM unproved WHERE reload = ?", (reload,)).fetchone()
        if row is None:
            return None
        with self._transaction():
            for target, state in self._before(reload).items():
                self._restore(target, state)
            self._db.execute("DELETE FROM unproved WHERE reload = ?", (reload,))
            self._db.execute("INSERT INTO intents VALUES (?, ?)", row)
            self.history.refuted(reload, why)
        self._begun.add(str(row[0]))
        return str(row[0])

    def _before(self, reload: str | None) -> dict[str, Any]:
        row = self._db.execute("SELECT before FROM unproved WHERE reload = ?", (reload,)).fetchone()
        return json.loads(row[0]) if row else {}

    def _state(self, target: str) -> dict[str, Any]:
        """Return all that is remembered of a target, as `_restore` takes it."""
        return {
            table: self._db.execute(f"SELECT * FROM {table} WHERE target = ?", (target,)).fetchall()  # noqa: S608
            for table in ("targets", "entries")
        }

    def _restore(self, target: str, state: Mapping[str, Any]) -> None:
        self._inputs.pop(target, None)
        self._written.pop(target, None)
        for table, rows in state.items():
            self._db.execute(f"DELETE FROM {table} WHERE target = ?", (target,))  # noqa: S608
            for row in rows:
                self._db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """BEGIN IMMEDIATE … COMMIT, or ROLLBACK where the body or the commit fails.

        Raises:
            StateError: SQLite could not write; nothing of the body is kept.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            self._inputs.clear()
            self._written.clear()
            self.history.doubt()
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise StateError(f"the journal in state_dir cannot be written ({error}); {_advice(error)}") from error
            raise


def _advice(error: sqlite3.Error) -> str:
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "another process has it locked: see which with `fuser`"
    return "is its disk full?"
