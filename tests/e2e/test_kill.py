"""kill -9 between any two steps of the transaction: nothing torn, nothing unchecked left, owed reloads run once."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.cli import syncd_cli

pytestmark = pytest.mark.e2e

_OLD, _NEW = "old\n", "new\n" * 20_000


def _config(folder: Path, refuse: bool) -> None:
    """Two files in one group; the check records what it saw and may refuse new content; the reload counts."""
    check = "cat out/a out/b > /dev/null; ! grep -q REFUSED out/a" if refuse else "cat out/a out/b > /dev/null"
    config = {
        "version": 1,
        "owner": "killer",
        "reloads": {"g": {"check": ["sh", "-c", check], "run": ["sh", "-c", "cat out/a out/b | cksum >> reloads"]}},
        "targets": {
            name: {"kind": "template", "template": f"{name}.j2", "path": f"out/{name}", "reload": "g"} for name in "ab"
        },
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "seed.yaml").write_text("prefix: ''\nkv: {a: '1'}\n")


def _templates(folder: Path, text: str) -> None:
    for name in "ab":
        (folder / f"{name}.j2").write_text(f"{name} {text}")


def _killed(folder: Path, at: int) -> int | None:
    """Run once, killed at the `at`-th call; return how many calls there were where it was not reached."""
    counter = folder / "count"
    counter.unlink(missing_ok=True)
    environment = {"PATH": os.environ["PATH"], "KILLER_COUNT": str(counter), "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-m", "tests.support.killer", str(at), "once", "--source", "seed.yaml"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=60, check=False)
    if done.returncode == -signal.SIGKILL:
        return None
    return int(counter.read_text())


@pytest.mark.parametrize("refuse", [False, True])
def test_killed_at_any_call_the_files_are_whole_and_the_next_pass_finishes(tmp_path: Path, refuse: bool) -> None:
    """Every call of the transaction, one after the other: each file old or new; the next pass ends in order."""
    _config(tmp_path, refuse)
    _templates(tmp_path, _OLD)
    assert syncd_cli("once", "--source", "seed.yaml", cwd=tmp_path).rc == 0
    at, total = 0, None
    while total is None:
        at += 1
        _templates(tmp_path, _NEW + ("REFUSED\n" if refuse else "") + f"{at}\n")
        wanted = {name: (tmp_path / f"{name}.j2").read_text() for name in "ab"}
        before = {name: (tmp_path / "out" / name).read_text() for name in "ab"}
        (tmp_path / "reloads").unlink(missing_ok=True)
        total = _killed(tmp_path, at)
        for name in "ab":
            assert (tmp_path / "out" / name).read_text() in (before[name], wanted[name]), f"torn at call {at}"
        code, _, err = syncd_cli("once", "--source", "seed.yaml", cwd=tmp_path)
        assert code == (1 if refuse else 0), f"call {at}: {err}"
        after = before if refuse else wanted
        assert {name: (tmp_path / "out" / name).read_text() for name in "ab"} == after, f"call {at}"
        assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["a", "b"], f"left over at call {at}"
        reloads = (tmp_path / "reloads").read_text().splitlines() if (tmp_path / "reloads").exists() else []
        if refuse:
            assert reloads == [], f"call {at}"
        else:
            # Killed between the reload and its commit, it runs again: at least once, and never with old content.
            assert 1 <= len(reloads) <= 2, f"call {at}"
            assert len(set(reloads)) == 1, f"call {at}"
    assert total > 30
