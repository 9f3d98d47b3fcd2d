"""kill -9 between any two steps of a rollback: files whole, nothing left over, and the next pass ends it either way."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.probed import Probed
from tests.support.site import SOURCE

pytestmark = pytest.mark.e2e


def killed(site_folder: Path, at: int) -> int | None:
    """Run once, killed at the `at`-th call; return how many calls there were where it was not reached."""
    counter = site_folder / "count"
    counter.unlink(missing_ok=True)
    environment = {"PATH": os.environ["PATH"], "KILLER_COUNT": str(counter), "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-m", "tests.support.killer", str(at), "once", *SOURCE]
    done = subprocess.run(command, cwd=site_folder, env=environment, capture_output=True, timeout=60, check=False)
    return None if done.returncode == -signal.SIGKILL else int(counter.read_text())


def test_killed_at_any_call_of_a_rollback(tmp_path: Path) -> None:
    """Wherever it ends: a probe that then passes gives the new files, one that fails again the old ones, by turns."""
    probed = Probed(tmp_path)
    site = probed.site
    site.outputs["out/b"] = "b\n"
    probed.open()
    assert site.once()[0] == 0
    probed.want("first")
    site.write()
    at, total = killed(tmp_path, 10_000) or 0, None  # what can happen up to there is test_kill's
    while total is None:
        at += 1
        heals = at % 2 == 0
        probed.close()
        old = site.path("out/a").read_text()
        probed.want(f"new{at}")
        site.path("out/b").unlink(missing_ok=True)
        site.write()
        total = killed(tmp_path, at)
        assert probed.held in (old.strip(), f"new{at}"), f"torn at call {at}"
        if heals:
            probed.open()
        code, report = site.once()
        assert code == (0 if heals else 1), f"call {at}: {report}"
        assert probed.held == (f"new{at}" if heals else old.strip()), f"call {at}"
        assert site.path("out/b").exists() == heals, f"call {at}"
        assert site.left_over() == [], f"left over at call {at}"
        assert probed.loaded()[-1] == probed.held, f"call {at}: what was loaded last is not what is in place"
    assert total > 60
    probed.close()
