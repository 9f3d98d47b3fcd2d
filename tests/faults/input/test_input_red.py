"""The same bad input with the protection taken out: each ends in the harm, or its test would prove nothing."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.faults.input import test_state_dir, test_values
from tests.faults.support.cli import syncd_without
from tests.faults.support.report import record
from tests.support.cli import syncd_cli
from tests.support.stack import Stack, stack

__all__ = ["stack"]
AREA = "Input"
ROOT = Path(__file__).resolve().parents[3]
REACH = "{{ key.__globals__['__builtins__'].open('/etc/passwd').read() }}"
CLIMB = "{% include '/etc/passwd' %}"
FLOOD = "{% for a in range(4000) %}{{ 'x' * 9999 }}{% endfor %}"
ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


@pytest.mark.e2e
def test_fuzz_finds_readers_that_trust() -> None:
    """Readers that let the parser's own errors through: the fuzz tests fail."""
    argv = [sys.executable, "-m", "pytest", "-p", "tests.faults.input.unprotected", "-p", "no:cacheprovider"]
    argv += ["tests/unit/fuzz", "-k", "plan or pointer or bomb or export", "--tb=no"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 1, done.stdout[-3000:]
    failed = int(re.findall(r"(\d+) failed", done.stdout)[-1])
    assert failed >= 3
    record(
        "fuzzed config, seed, export, plan, pointer, value, template",
        area=AREA,
        red_without="readers that expect anything",
    )


@pytest.fixture
def applied(tmp_path: Path) -> Path:
    """A folder in which a small config was applied once, with another seed since."""
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(test_state_dir.CONFIG))
    (tmp_path / "t.j2").write_text("a is {{ key('a') }}\n")
    (tmp_path / "seed.yaml").write_text("kv: {a: '1'}\n")
    assert syncd_cli("once", "--source", "seed.yaml", cwd=tmp_path).rc == 0
    return tmp_path


@pytest.mark.e2e
def test_a_journal_that_is_not_looked_through(applied: Path) -> None:
    """Garbage stops every pass until somebody moves it away, and senseless rows are an error of our own."""
    journal = applied / ".syncd/journal.db"
    whole = journal.read_bytes()
    for harm, words in ((test_state_dir._garbage, "cannot be used"), (test_state_dir._senseless, "internal error")):
        journal.write_bytes(whole)
        harm(journal)
        for _ in range(2):
            done = syncd_without("unread_journal", "once", "--source", "seed.yaml", cwd=applied)
            assert (done.rc, words in done.stderr) == (1, True), done
    record("damaged journal", area=AREA, red_without="looking through the journal")


@pytest.mark.e2e
def test_a_newer_journal_that_is_taken_for_ours(applied: Path) -> None:
    """What the newer syncd will find there is not what it wrote."""
    journal = applied / ".syncd/journal.db"
    with sqlite3.connect(journal) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    before = journal.read_bytes()
    (applied / "seed.yaml").write_text("kv: {a: '2'}\n")
    done = syncd_without("any_format", "once", "--source", "seed.yaml", cwd=applied)
    assert done.rc == 0, done
    assert journal.read_bytes() != before
    record("journal of a newer syncd", area=AREA, red_without="the version check")


@pytest.mark.e2e
def test_values_that_nobody_quotes(stack: Stack) -> None:
    """A terminal is ordered about by a plan, and a value begins a second variable."""
    stack.put(config__escapes=test_values.VALUES["escapes"].decode(), config__newlines="a\nOTHER=owned")
    (stack.folder / "t.j2").write_text("{{ key('config/escapes') }}\n")
    stack.config["targets"] = {
        "file": {"kind": "template", "template": "t.j2", "path": "out/t"},
        "env": {"kind": "env_file", "path": "out/e", "vars": {"A": "config/newlines"}},
    }
    stack.write_config()
    shown = syncd_without("prints_anything", "plan", cwd=stack.folder)
    assert "\x1b[2J" in shown.stdout, shown
    assert syncd_without("writes_anything", "once", cwd=stack.folder).rc == 0
    assert "\nOTHER=owned\n" in (stack.folder / "out/e").read_text()
    record(
        "values with NUL, newlines, quotes, $, 512 KB, no UTF-8, escapes",
        area=AREA,
        red_without="quoting, and showing what is not printable by its code",
    )


@pytest.mark.e2e
def test_keys_that_nobody_measures(stack: Stack) -> None:
    """One key that Workers KV cannot name takes all others with it, and a key's name orders the terminal about."""
    stack.consul.put_many({f"{stack.prefix}config/{key}": "v" for key in ("good", "esc\x1b[31m", "k" * 600)})
    stack.config["targets"] = {"edge": {**stack.config["targets"]["edge"], "keys": ["config/**"]}}
    stack.write_config()
    assert "\x1b[31m" in syncd_without("prints_anything", "plan", cwd=stack.folder).stdout
    assert syncd_without("sends_anything", "once", cwd=stack.folder).rc == 1
    assert "config/good" not in stack.kv.list()
    record(
        "keys with //, .., spaces, %, control characters",
        area=AREA,
        red_without="measuring before sending, and showing what is not printable by its code",
    )


@pytest.mark.e2e
def test_templates_that_nobody_holds(stack: Stack) -> None:
    """Without the sandbox they read any file; without the limits they flood the disk and never end."""
    templates = {"reach": REACH, "climb": CLIMB, "flood": FLOOD}
    for name, text in templates.items():
        (stack.folder / f"{name}.j2").write_text(text)
    stack.config["targets"] = {
        name: {"kind": "template", "template": f"{name}.j2", "path": f"out/{name}"} for name in templates
    }
    code, document = stack.json("once")
    assert code == 1
    assert {one["outcome"] for one in document["targets"]} == {"failed"}
    syncd_without("no_sandbox", "once", cwd=stack.folder)
    assert "root:" in (stack.folder / "out/reach").read_text()
    assert "root:" in (stack.folder / "out/climb").read_text()
    syncd_without("no_limits", "once", "--target", "flood", cwd=stack.folder)
    assert (stack.folder / "out/flood").stat().st_size == 4000 * 9999
    (stack.folder / "flood.j2").write_text(ENDLESS)
    with pytest.raises(subprocess.TimeoutExpired):
        syncd_without("no_limits", "once", "--target", "flood", cwd=stack.folder, timeout_s=12)
    record("templates that loop, flood or climb", area=AREA, red_without="the sandbox, and the limits of a rendering")


COLLIDE = "names of variables that collide"
ILLEGAL = "names of variables that are illegal"


def _included(stack: Stack, *keys: str) -> None:
    stack.consul.put_many({f"{stack.prefix}names/{key}": "v" for key in keys})
    stack.config["targets"]["app-env"] = {"kind": "env_file", "path": "out/n", "include": [{"keys": "names/*"}]}
    stack.write_config()


def test_names_that_collide(stack: Stack) -> None:
    """Two keys that make one variable: the file is not written, and both are named. Else one of them is lost."""
    _included(stack, "a-b", "a_b", "a.b")
    code, document = stack.json("once")
    assert code == 1
    one = stack.target(document, "app-env")
    assert one["outcome"] == "failed"
    assert "A_B: both names/a-b and names/a.b make this variable" in json.dumps(one)
    assert not (stack.folder / "out/n").exists()
    assert stack.target(document, "edge")["outcome"] == "applied"
    assert syncd_without("last_one_wins", "once", cwd=stack.folder).rc == 0
    assert (stack.folder / "out/n").read_text().count("A_B=") == 1
    record(COLLIDE, area=AREA, injected="three keys in Consul", times=3, red_without="counting who makes a variable")


@pytest.mark.e2e
def test_names_that_are_illegal(stack: Stack) -> None:
    """A name that no reader takes is that key's fault; the others are written. Else the file has a line of rubbish."""
    _included(stack, "good", "sp ace", "ünïcode", "new\nline", "$(id)", "1st", "9")
    code, document = stack.json("once")
    assert code == 1
    assert {fault["key"] for fault in stack.target(document, "app-env")["faults"]} == {"names/1st", "names/9"}
    lines = [line for line in (stack.folder / "out/n").read_text().splitlines() if not line.startswith("#")]
    assert "GOOD=v" in lines
    assert all(re.fullmatch(r"[A-Z_][A-Z0-9_]*=v", line) for line in lines), lines
    assert syncd_without("writes_anything", "once", cwd=stack.folder).rc == 0
    assert "\n1ST=v\n" in (stack.folder / "out/n").read_text()
    record(ILLEGAL, area=AREA, injected="keys in Consul", times=2, red_without="looking at the name")
