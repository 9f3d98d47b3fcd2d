"""What the history forgets, and what must not make it forget: a retry that repeats itself, age, bytes, new rules."""

from dataclasses import replace
from pathlib import Path

import pytest

from syncd.core.history.model import HistoryOutcome
from syncd.core.model import Change, text_entry
from syncd.engine.history import table, trimming
from syncd.engine.history.table import Happened
from syncd.engine.history.trimming import Retention
from syncd.engine.journal import Inputs, Journal

BASE = Happened("app", "template", "applied", 7, Retention(3, 3600.0), "config-1", True, {})


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A journal of this test's own."""
    return Journal.open(tmp_path / "journal.db")


def tell(
    journal: Journal, value: str, outcome: HistoryOutcome = "applied", error: str | None = None, base: Happened = BASE
) -> int:
    """Tell that a file got, or was refused, a content; return the newest entry's id."""
    entry = text_entry("out/app", value.encode())
    change = Change("update", "out/app", None, entry.digest, entry=entry)
    changes = (change,) if value else ()
    wanted = {"out/app": entry}
    journal.tell(replace(base, wanted=wanted, changes=changes, outcome=outcome, error=error))
    return journal.history.entries(limit=1)[0].id


def contents(journal: Journal) -> int:
    """Return how many contents are kept."""
    return int(journal._db.execute("SELECT COUNT(*) FROM contents").fetchone()[0])


@pytest.mark.parametrize("outcome", ["failed", "restored"])
def test_a_retry_that_fails_again_is_one_entry(journal: Journal, outcome: HistoryOutcome) -> None:
    """A pid or a time in the error, or a push that nothing came of, does not make it another."""
    first = tell(journal, "good")
    value = "bad" if outcome == "restored" else ""
    for number in range(20):
        tell(journal, value, outcome, f"check failed (pid {number}) at 10:{number}")
    assert [one.outcome for one in journal.history.entries()] == [outcome, "applied"]
    assert journal.history.content("app", first)["out/app"].content == b"good"
    tell(journal, value, outcome, "another reason")
    assert len(journal.history.entries()) == (3 if outcome == "restored" else 2)


def test_what_was_refused_takes_no_place_of_what_was_applied(journal: Journal) -> None:
    """Refused contents that differ each time are at most as many again; each way back stays."""
    ways = [tell(journal, f"good {number}") for number in range(3)]
    for number in range(20):
        tell(journal, f"bad {number}", "restored", "refused")
    kept = [(one.id, one.outcome) for one in journal.history.entries()]
    assert [at for at, outcome in kept if outcome == "applied"] == ways[::-1]
    assert len(kept) == 6
    assert journal.history.content("app", ways[0])["out/app"].content == b"good 0"


def test_age_is_looked_at_without_a_change(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that does not change any more does not keep what it held a year ago."""
    now = 1000.0
    monkeypatch.setattr(table.time, "time", lambda: now)
    for value in ("a", "b"):
        tell(journal, value)
    now = 100_000.0
    journal.trim_history(BASE.retention)
    assert len(journal.history.entries()) == 1
    journal.trim_history(Retention(0, 1.0))
    assert (journal.history.entries(), contents(journal)) == ([], 0)


def test_it_is_bounded_in_bytes(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large contents that have nothing in common push out the oldest; what is held now stays."""
    monkeypatch.setattr(trimming, "MOST_BYTES", 200_000)
    keep = replace(BASE, retention=Retention(100, 3600.0))
    for number in range(20):
        last = tell(journal, f"{number} " * 20_000, base=keep)
    size = journal._db.execute("SELECT SUM(LENGTH(value)) FROM contents").fetchone()[0]
    assert size < 400_000
    assert 2 < len(journal.history.entries()) < 10
    assert journal.history.content("app", last)["out/app"].content.startswith(b"19 ")


def test_new_rules_reach_what_is_kept(tmp_path: Path) -> None:
    """A key that is sensitive by now takes with it what a file that read it held, whatever the target does."""
    path = tmp_path / "journal.db"
    journal = Journal.open(path)
    first = tell(journal, "planted-s3cret")
    journal.record("template", "app", inputs=Inputs({"config/pin": ""}, {}))
    tell(journal, "other", base=replace(BASE, target="beside"))
    journal.forget_sensitive(lambda target, key: (target, key) == ("app", "config/pin"))
    found = journal.history.detail(first)
    assert found is not None
    assert found.entry.sensitive
    assert found.diff is None
    assert journal.history.content("app", first) == {}
    assert contents(journal) == 1
    assert b"planted-s3cret" not in path.read_bytes()


def test_numbers_that_no_entry_has(journal: Journal) -> None:
    """SQLite cannot hold them; there is no such entry."""
    assert [journal.history.detail(number) for number in (2**63, -(2**70))] == [None, None]
