"""The journal's file beside others: readers, somebody who locks it, a kill while it is replaced."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from syncd.core.errors import StateError
from syncd.engine import journal_file
from syncd.engine.journal import Journal


def test_a_reader_lets_the_writer_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large journal is copied step by step: a commit in between is taken, and the copy is of after it."""
    path = tmp_path / "journal.db"
    journal = Journal.open(path)
    journal._db.execute("PRAGMA busy_timeout = 0")
    journal._db.execute("INSERT INTO contents VALUES ('d', randomblob(40000000), NULL, 0, 0, 0)")
    clock: list[float] = []

    def monotonic() -> float:
        clock.append(0.0)
        if len(clock) == 3:
            journal.owe(["nginx"], "in between")
        return 0.0

    monkeypatch.setattr(journal_file.time, "monotonic", monotonic)
    copied = Journal.snapshot(path)
    assert len(clock) > 3, "in more than one step"
    assert copied.owed() == {"nginx": "in between"}


def test_who_locks_it_is_not_a_full_disk(tmp_path: Path) -> None:
    """The error says what it is."""
    path = tmp_path / "journal.db"
    journal = Journal.open(path)
    journal._db.execute("PRAGMA busy_timeout = 0")
    other: Any = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StateError, match="another process has it locked") as raised:
        journal.owe(["nginx"], "why")
    assert "disk" not in str(raised.value)
    other.execute("ROLLBACK")
    journal.owe(["nginx"], "why")


def test_a_kill_while_it_is_replaced_leaves_a_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the new one has the name the damaged one has it: an empty one would owe nothing."""
    path, fresh = tmp_path / "journal.db", tmp_path / "journal.db.new"
    path.write_bytes(b"damaged")
    fresh.write_bytes(b"fresh")
    (tmp_path / "journal.db-journal").touch()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            journal_file.set_aside(path, fresh)
    assert path.read_bytes() == b"damaged"
    aside = journal_file.set_aside(path, fresh)
    assert (path.read_bytes(), aside.read_bytes()) == (b"fresh", b"damaged")
    assert not fresh.exists()
