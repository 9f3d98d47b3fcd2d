"""The state dir: lock, plan key, journal."""

import sqlite3
import stat
from pathlib import Path

import pytest

from syncd.core.errors import StateError
from syncd.engine.journal import Inputs, Journal, Written
from syncd.engine.statedir import StateDir


def test_the_lock_is_exclusive_and_named(tmp_path: Path) -> None:
    """The second holder is refused and told who the first is; after the block it is free."""
    state = StateDir(tmp_path / "state")
    with (
        state.locked("once"),
        pytest.raises(StateError, match=r"in use by syncd once \(pid \d+\)"),
        state.locked("run"),
    ):
        pass
    with state.locked("run"):
        pass
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_the_plan_key_is_made_once_and_the_environment_wins(tmp_path: Path) -> None:
    """A dry run makes no key; what was made stays; SYNCD_PLAN_KEY beats it."""
    state = StateDir(tmp_path)
    assert state.plan_key({}) is None
    made = state.plan_key({}, make=True)
    assert made is not None
    assert state.plan_key({}, make=True) == made
    assert state.plan_key({"SYNCD_PLAN_KEY": "k"}) == b"k"
    assert stat.S_IMODE((tmp_path / "plan.key").stat().st_mode) == 0o600
    (tmp_path / "plan.key").write_bytes(b"")
    assert state.plan_key({}, make=True)


def test_the_journal_remembers(tmp_path: Path) -> None:
    """What was written, read and owed is there after it is opened anew; dropped entries are not."""
    path = tmp_path / "journal.db"
    journal = Journal.open(path)
    inputs = Inputs({"a": "", "b": "env/x"}, {"web": 2})
    journal.record("k", "t", inputs=inputs, wrote=[Written("t", "a", "1"), Written("t", "b", "2", True, "«m»")])
    journal.record("k", "t", dropped=["a"])
    journal.begin("g", [{"path": "p"}])
    journal.finish("g", [Written("u", "f", "3")], {"u": ("file", inputs)}, "nginx")
    journal.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for opened in (Journal.open(path), Journal.snapshot(path)):
        assert opened.written("t") == {"b": Written("t", "b", "2", True, "«m»")}
        assert opened.inputs("t") == inputs
        assert opened.targets() == {"t": "k", "u": "file"}
        assert opened.owed() == {"nginx": "files changed"}
        assert opened.intents() == {}
        opened.close()


def test_a_snapshot_of_a_journal_writes_nothing(tmp_path: Path) -> None:
    """A dry run neither makes the file nor changes it."""
    Journal.snapshot(tmp_path / "none.db").record("k", "t", wrote=[Written("t", "a", "1")])
    assert list(tmp_path.iterdir()) == []


def test_a_failed_transaction_leaves_no_trace_in_memory(tmp_path: Path) -> None:
    """What could not be committed is not remembered as if it were."""
    journal = Journal.open(tmp_path / "journal.db")
    with pytest.raises(StateError, match="cannot be written"):
        journal.record("k", "t", inputs=Inputs({"a": ""}, {}), wrote=[Written("t", object(), "1")])  # type: ignore[arg-type]
    assert journal.inputs("t") == Inputs({}, {})


@pytest.mark.parametrize("content", [b"not a database, but long enough to look like one" * 30])
def test_a_file_that_is_no_journal_is_an_error(tmp_path: Path, content: bytes) -> None:
    """Not a traceback; it says which file."""
    path = tmp_path / "journal.db"
    path.write_bytes(content)
    for opening in (Journal.open, Journal.snapshot):
        with pytest.raises(StateError, match=r"journal\.db"):
            opening(path)


def test_a_newer_journal_is_refused_with_both_versions(tmp_path: Path) -> None:
    """An old syncd must not write into what it does not know."""
    path = tmp_path / "journal.db"
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.commit()
    database.close()
    for opening in (Journal.open, Journal.snapshot):
        with pytest.raises(StateError, match=r"format 99, this one knows 3"):
            opening(path)


def test_a_journal_of_the_first_format_is_taken_over(tmp_path: Path) -> None:
    """What it knows stays, what it could not hold yet is empty; a dry run reads it without writing it."""
    path = tmp_path / "journal.db"
    journal = Journal.open(path)
    journal.record("file", "t", wrote=[Written("t", "k", "1")])
    journal.close()
    with sqlite3.connect(path) as database:
        database.executescript("DROP TABLE unproved; PRAGMA user_version = 1")
    database.close()
    before = path.read_bytes()
    assert Journal.snapshot(path).unproved() == []
    assert path.read_bytes() == before
    journal = Journal.open(path)
    assert (journal.unproved(), list(journal.written("t"))) == ([], ["k"])
    journal.close()
