"""kill -9 at any call of `once` and of `rollback`: the history says what is in place, no more and no less."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from syncd.core.digest import sha256_hex
from syncd.engine.journal import Journal
from tests.support.cli import syncd_cli
from tests.support.site import SOURCE, Site

pytestmark = pytest.mark.e2e


def killed(folder: Path, at: int, *args: str) -> bool:
    """Run syncd, killed at the `at`-th call; return False where it ended before that."""
    counter = folder / "count"
    counter.unlink(missing_ok=True)
    environment = {"PATH": os.environ["PATH"], "KILLER_COUNT": str(counter), "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-m", "tests.support.killer", str(at), *args]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode == -signal.SIGKILL


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """One file with a check and a reload, applied once."""
    reload = {"check": ["true"], "run": ["true"]}
    site = Site(tmp_path, "app", reload, {"out/a": "first\n"})
    assert site.once()[0] == 0
    return site


def told(site: Site) -> tuple[str, int]:
    """Return the brief digest that the history has of the file, and the newest id."""
    with closing(Journal.snapshot(site.folder / ".syncd/journal.db")) as journal:
        return journal.history.held("out-a")["out/a"], journal.history.entries()[0].id


def in_place(site: Site) -> str:
    """Return the brief digest of the file."""
    return sha256_hex(site.path("out/a").read_bytes())[:32]


def test_killed_at_any_call_of_a_pass(site: Site) -> None:
    """After the next pass the history has the file's content; no change is told twice."""
    at, more = 0, True
    while more:
        at += 3  # every call would take too long; another remainder of three comes with each change of the code
        site.outputs["out/a"] = f"content {at}\n"
        site.write()
        before = told(site)[1]
        more = killed(site.folder, at, "once", *SOURCE)
        assert site.once()[0] == 0
        assert told(site) == (in_place(site), before + 1), f"call {at}"
    assert at > 30


def test_killed_at_any_call_of_a_rollback(site: Site) -> None:
    """The file is old or new and whole; where it was paused it stays so; a second rollback ends it."""
    at, more = 0, True
    while more:
        at += 3
        assert syncd_cli("resume", "out-a", cwd=site.folder).rc == 0
        site.outputs["out/a"] = f"content {at}\n"
        assert site.once()[0] == 0
        more = killed(site.folder, at, "rollback", "out-a", "--to", "1")
        assert site.path("out/a").read_text() in ("first\n", f"content {at}\n"), f"call {at}"
        code, out, err = syncd_cli("rollback", "out-a", "--to", "1", cwd=site.folder)
        assert code == 0, f"call {at}: {out}{err}"
        assert site.path("out/a").read_text() == "first\n"
        assert told(site)[0] == in_place(site)
        assert site.once()[0] == 3, "it is paused"
        assert site.left_over() == []
    assert at > 30
