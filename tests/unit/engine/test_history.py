"""The history: spans of contents, how long they are kept, and what of a target with secrets is not."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from syncd.core.history.model import HistoryDetail
from syncd.core.model import Change, Entry, text_entry
from syncd.engine.history import table
from syncd.engine.history.table import Happened
from syncd.engine.history.trimming import Retention
from syncd.engine.journal import Inputs, Journal, Written

BASE = Happened("edge", "pairs", "applied", 7, Retention(100, 3600.0), "config-1", False, {})


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A journal of this test's own."""
    return Journal.open(tmp_path / "journal.db")


class Edge:
    """A target of pairs, and what the history is told of it."""

    def __init__(self, journal: Journal, base: Happened = BASE) -> None:
        self.journal, self.base = journal, base
        self.held: dict[str, Entry] = {}

    def apply(self, sensitive: bool = False, **wanted: str) -> int:
        """Make it hold exactly these; return the id of the entry."""
        after = {key: text_entry(key, value.encode(), sensitive=sensitive) for key, value in wanted.items()}
        changes = []
        for key, entry in after.items():
            old = self.held.get(key)
            if old is None or old.digest != entry.digest:
                op = "update" if old else "create"
                changes.append(Change(op, key, old and old.digest, entry.digest, sensitive=sensitive, entry=entry))  # type: ignore[arg-type]
        changes += [Change("delete", key, one.digest, None) for key, one in self.held.items() if key not in after]
        happened = replace(self.base, wanted=after, present=self.held, changes=tuple(changes))
        self.journal.record("pairs", "edge", happened=happened)
        self.held = after
        return self.journal.history.entries(limit=1)[0].id

    def at(self, number: int) -> dict[str, bytes]:
        """Return what it held after an entry."""
        return {key: kept.content for key, kept in self.journal.history.content("edge", number).items()}


def count(journal: Journal, what: str) -> int:
    """Return how many rows a table has."""
    return int(journal._db.execute(f"SELECT COUNT(*) FROM {what}").fetchone()[0])


def shown(journal: Journal, number: int) -> HistoryDetail:
    """Return an entry that must be there."""
    found = journal.history.detail(number)
    assert found is not None
    return found


def test_what_was_held_comes_back(journal: Journal) -> None:
    """Created, changed, deleted and created again: each entry has exactly what was there after it."""
    edge = Edge(journal)
    states = [{"a": "1", "b": "1"}, {"a": "2", "b": "1"}, {"a": "2"}, {"a": "1", "b": "1", "c": "3"}]
    ids = [edge.apply(**state) for state in states]
    for number, state in zip(ids, states, strict=True):
        assert edge.at(number) == {key: value.encode() for key, value in state.items()}
    assert [(one.op, one.key, one.old, one.new) for one in shown(journal, ids[1]).changes] == [
        ("update", "a", "1", "2")
    ]
    assert shown(journal, ids[3]).entry.counts == {"create": 2, "update": 1, "delete": 0}
    assert journal.history.last_applied()["edge"] == shown(journal, ids[3]).entry.at


def test_a_pass_costs_what_it_changes(journal: Journal) -> None:
    """Of ten thousand pairs the first entry takes all, each later one only what it changed."""
    edge = Edge(journal)
    wanted = {f"k{number}": "same" for number in range(10_000)}
    edge.apply(**wanted)
    before = journal._db.total_changes
    for number in range(10):
        edge.apply(**{**wanted, "k7": f"new {number}"})
    assert journal._db.total_changes - before < 10 * 10
    assert (count(journal, "versions"), count(journal, "contents")) == (10_010, 11)


def test_it_is_kept_so_many_and_so_long(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many go, oldest first; too old is what was replaced too long ago. What is held now stays."""
    now = 1000.0
    monkeypatch.setattr(table.time, "time", lambda: now)
    edge = Edge(journal, replace(BASE, retention=Retention(3, 100.0)))
    ids = [edge.apply(steady="s", a=str(number)) for number in range(6)]
    assert [one.id for one in journal.history.entries()] == ids[:2:-1]
    assert edge.at(ids[3]) == {"steady": b"s", "a": b"3"}
    assert [one.old for one in shown(journal, ids[3]).changes] == ["2"], "what the oldest entry replaced is shown still"
    assert count(journal, "contents") == 5
    now = 10_000.0  # the last one is old, and was in place until now
    last = edge.apply(steady="s", a="end")
    assert [one.id for one in journal.history.entries()] == [last, ids[5]]
    now = 10_101.0
    assert [edge.apply(steady="s", a="after"), last] == [one.id for one in journal.history.entries()]
    edge.base = replace(edge.base, retention=Retention(0, 100.0))
    edge.held = {}
    journal.record("pairs", "edge", happened=replace(edge.base, wanted={}))
    assert [count(journal, name) for name in ("history", "versions", "contents")] == [0, 0, 0]


def test_what_becomes_sensitive_leaves_nothing(tmp_path: Path) -> None:
    """Contents, diffs and digests of before are gone from the file itself; later entries keep none, and say so."""
    path = tmp_path / "journal.db"
    journal = Journal.open(path)
    edge = Edge(journal)
    first = edge.apply(password="planted-s3cret", other="x")
    assert b"planted-s3cret" in path.read_bytes()
    edge.base = replace(edge.base, config="config-2")
    second = edge.apply(sensitive=True, password="planted-s3cret", other="y")
    for number in (first, second):
        entry = shown(journal, number)
        assert entry.entry.sensitive
        assert "sensitive" in (entry.entry.why_no_way_back or "")
        assert all(one.old_digest is one.new_digest is one.old is one.new is None for one in entry.changes)
        assert edge.at(number) == {}
    assert b"planted-s3cret" not in path.read_bytes()
    journal.history.seal_with(b"key")
    edge.apply(sensitive=True, password="other-s3cret", other="y")
    (change,) = shown(journal, second + 1).changes
    digest = edge.held["password"].digest
    assert change.new_digest is not None
    assert not digest.startswith(change.new_digest), "a digest of a secret is sealed"
    journal.close()


def test_after_a_doubtful_push_all_is_compared(journal: Journal) -> None:
    """A push that ended in the middle may have written anything: the next entry takes what is there as a whole."""
    edge = Edge(journal)
    many = {f"k{number}": "v" for number in range(200)}
    edge.apply(**many)
    edge.held = {**edge.held, "k1": text_entry("k1", b"by the push that failed")}
    wanted = {**{key: entry.content.decode() for key, entry in edge.held.items() if entry.content}, "k2": "new"}
    journal.history.doubt("edge")
    number = edge.apply(**wanted)
    assert (edge.at(number)["k1"], edge.at(number)["k2"]) == (b"by the push that failed", b"new")


def test_large_files_are_kept_as_differences(journal: Journal) -> None:
    """Fifty changed lines of a large file take little more room than one file, and each content comes back."""
    lines = [f"line {number} of a large file\n" for number in range(20_000)]
    contents, before = [], b""
    for number in range(50):
        lines[number * 300] = f"changed {number}\n"
        content = "".join(lines).encode()
        contents.append(content)
        entry = text_entry("out/f", content)
        change = Change("update", "out/f", text_entry("", before).digest, entry.digest, entry=entry)
        happened = replace(BASE, target="f", is_file=True, wanted={"out/f": entry}, changes=(change,))
        journal.record("file", "f", happened=replace(happened, before={"out/f": before}))
        before = content
    entries = journal.history.entries(("f",))[::-1]
    assert [journal.history.content("f", one.id)["out/f"].content for one in entries] == contents
    size = journal._db.execute("SELECT SUM(LENGTH(value)) FROM contents").fetchone()[0]
    assert size < 6 * len(contents[0])
    diff = shown(journal, entries[30].id).diff or ""
    assert [text for text in diff.splitlines() if text[:1] in "+-"][2:] == ["-line 9000 of a large file", "+changed 30"]


def test_a_refusal_is_one_entry(journal: Journal) -> None:
    """However often it is tried again; what is held stays what it was, and it is no way back."""
    edge = Edge(journal)
    first = edge.apply(a="1")
    refused = text_entry("a", b"2")
    change = Change("update", "a", edge.held["a"].digest, refused.digest, entry=refused)
    for _ in range(3):
        journal.tell(replace(BASE, outcome="restored", wanted={"a": refused}, changes=(change,), error="no"))
    assert [one.outcome for one in journal.history.entries()] == ["restored", "applied"]
    assert edge.at(first + 1) == {"a": b"1"}
    assert shown(journal, first + 1).entry.why_no_way_back is not None


def test_a_probe_that_fails_takes_back_what_was_recorded(journal: Journal) -> None:
    """Its entry becomes a refusal, with its diff; what was there before is what is held again."""

    def put(old: bytes, new: bytes, *, proof: bool) -> None:
        entry = text_entry("out/f", new)
        op = "update" if old else "create"
        change = Change(op, "out/f", (old and text_entry("", old).digest) or None, entry.digest, entry=entry)  # type: ignore[arg-type]
        happened = replace(BASE, target="f", is_file=True, wanted={"out/f": entry}, changes=(change,))
        step = {"path": "out/f", "temporary": "t", "backup": "b"}
        journal.begin("g", [step])
        wrote, inputs = [Written("f", "out/f", entry.digest)], {"f": ("file", Inputs({}, {}))}
        journal.finish("g", wrote, inputs, "nginx", [step] if proof else [], [happened])

    put(b"", b"good\n", proof=True)
    journal.paid("nginx")
    put(b"good\n", b"bad\n", proof=True)
    assert journal.refuted("nginx", "probe of nginx failed: 502") == "g"
    bad, good = journal.history.entries()
    assert (bad.outcome, good.outcome) == ("restored", "applied")
    assert bad.error == "probe of nginx failed: 502; the files that stood there before were put back"
    assert "-good\n+bad\n" in (shown(journal, bad.id).diff or "")
    assert journal.history.content("f", bad.id)["out/f"].content == b"good\n"
    assert journal.history.held("f") == {"out/f": text_entry("", b"good\n").digest[:32]}


def test_a_journal_without_history_gets_one(tmp_path: Path) -> None:
    """What an older syncd wrote stays; a dry run reads it without writing."""
    path = tmp_path / "journal.db"
    journal = Journal.open(path)
    journal.record("k", "t", wrote=[Written("t", "a", "1")])
    journal.close()
    with sqlite3.connect(path) as database:
        database.executescript("DROP TABLE history; DROP TABLE versions; DROP TABLE contents; PRAGMA user_version = 2")
    database.close()
    before = path.read_bytes()
    assert Journal.snapshot(path).history.entries() == []
    assert path.read_bytes() == before
    journal = Journal.open(path)
    assert (journal.history.entries(), list(journal.written("t"))) == ([], ["a"])
    assert Edge(journal).apply(a="1") == 1
    journal.close()
