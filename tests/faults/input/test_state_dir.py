"""A state dir that is damaged, newer than we are, or open to everybody."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from syncd.engine.journal_file import SCHEMA_VERSION
from tests.faults.support.report import record
from tests.faults.support.running import Running
from tests.support.cli import Ran, syncd_cli

RELOAD = "echo reloaded >> reloads"
CONFIG = {
    "version": 1,
    "owner": "me",
    "reloads": {"app": {"run": ["sh", "-c", RELOAD]}},
    "targets": {
        "env": {"kind": "env_file", "path": "out/a.env", "vars": {"A": "a"}},
        "file": {"kind": "template", "template": "t.j2", "path": "out/a.conf", "reload": "app"},
    },
}


def _garbage(path: Path) -> None:
    path.write_bytes(b"what the disk gave back" * 500)


def _half(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _a_bad_page(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    path.write_bytes(content)


def _another_table(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.executescript("DROP TABLE entries; CREATE TABLE entries (x TEXT)")
    database.close()


def _senseless(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO intents VALUES ('g', '[{\"where\": 1}]')")
    database.close()


DAMAGE = (_garbage, _half, _a_bad_page, _another_table, _senseless)


@pytest.fixture
def once(tmp_path: Path) -> Callable[..., Ran]:
    """once("plan", …): run a command on a small config that was applied once."""
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    (tmp_path / "t.j2").write_text("a is {{ key('a') }}\n")
    (tmp_path / "seed.yaml").write_text("kv: {a: '1'}\n")

    def run(*args: str) -> Ran:
        return syncd_cli(*args, "--source", "seed.yaml", cwd=tmp_path)

    assert run("once").rc == 0
    return run


@pytest.mark.parametrize("harm", [DAMAGE[0], *(pytest.param(one, marks=pytest.mark.e2e) for one in DAMAGE[1:])])
def test_a_damaged_journal_is_set_aside(once: Callable[..., Ran], tmp_path: Path, harm: Callable[[Path], None]) -> None:
    """It is said, kept, and rebuilt: what is equal is ours again, and a reload that may have been owed is run."""
    journal = tmp_path / ".syncd/journal.db"
    harm(journal)
    damaged = journal.read_bytes()
    planned = once("plan", "--format", "json")
    assert planned.rc == 0, planned
    assert "journal_damaged" in planned.stderr
    assert journal.read_bytes() == damaged
    (tmp_path / "seed.yaml").write_text("kv: {a: '1'}\n")
    done = once("once", "--format", "json")
    assert done.rc == 0, done
    assert "journal_set_aside" in done.stderr
    assert "corrupt-1" in done.stderr
    assert (tmp_path / ".syncd/journal.db.corrupt-1").read_bytes() == damaged
    assert (tmp_path / "reloads").read_text() == "reloaded\n" * 2
    (tmp_path / "seed.yaml").write_text("kv: {a: '2'}\n")
    done = once("once")
    assert (done.rc, done.stderr) == (0, ""), done
    assert (tmp_path / "out/a.conf").read_text() == "a is 2\n"
    record("damaged journal", area="Input", injected="garbage, half a file, a bad page, senseless rows", times=1)


@pytest.mark.e2e
def test_a_file_that_changed_meanwhile_is_not_ours_any_more(once: Callable[..., Ran], tmp_path: Path) -> None:
    """Without a journal nobody can tell it from a stranger's: it is a conflict, said so, and left alone."""
    _garbage(tmp_path / ".syncd/journal.db")
    (tmp_path / "seed.yaml").write_text("kv: {a: '2'}\n")
    done = once("once", "--format", "json")
    assert done.rc == 1
    targets = {one["target"]: one for one in json.loads(done.stdout)["targets"]}
    assert (targets["env"]["outcome"], targets["file"]["outcome"]) == ("applied", "failed")
    assert "adopt: true" in str(targets["file"]["conflicts"])
    assert (tmp_path / "out/a.conf").read_text() == "a is 1\n"


@pytest.mark.e2e
def test_the_daemon_sets_it_aside_too(once: Callable[..., Ran], tmp_path: Path) -> None:
    """`run` starts on a damaged journal and says so in its log."""
    _a_bad_page(tmp_path / ".syncd/journal.db")
    daemon = Running(tmp_path, dict(CONFIG), "--source", "seed.yaml")
    try:
        daemon.wait_ready()
        assert daemon.events("journal_set_aside")
    finally:
        daemon.close()


@pytest.mark.parametrize("command", ["once", *(pytest.param(one, marks=pytest.mark.e2e) for one in ("plan", "run"))])
def test_a_newer_state_is_refused(once: Callable[..., Ran], tmp_path: Path, command: str) -> None:
    """Both versions are named, and the file is left as it is."""
    path = tmp_path / ".syncd/journal.db"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    before = path.read_bytes()
    done = once(command)
    assert done.rc == 1
    assert f"written by a newer syncd (format 99, this one knows {SCHEMA_VERSION})" in done.stderr
    assert path.read_bytes() == before
    record("journal of a newer syncd", area="Input", injected="user_version 99", times=1)


def test_a_state_dir_open_to_everybody_is_refused(once: Callable[..., Ran], tmp_path: Path) -> None:
    """What its journal says is carried out, with our rights."""
    state = tmp_path / ".syncd"
    state.chmod(0o777)
    done = once("once")
    assert done.rc == 1
    assert "everybody may write there; run chmod 700" in done.stderr
    state.chmod(0o700)
    assert once("once").rc == 0
    assert all(stat.S_IMODE(one.stat().st_mode) & 0o077 == 0 for one in state.rglob("*") if one.is_file())
