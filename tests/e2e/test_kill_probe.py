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


@pytest.mark.parametrize("heals", [True, False])
def test_killed_at_any_call_of_a_rollback(tmp_path: Path, heals: bool) -> None:
    """Wherever it ends: a probe that then passes gives the new files, one that fails again the old ones."""
    probed = Probed(tmp_path)
    site = probed.site
    site.reload["check"] = ["true"]
    probed.want("old")
    site.outputs["out/b"] = "old\n"
    probed.open()
    assert site.once()[0] == 0
    probed.close()
    at, total = _first_call(probed), None
    while total is None:
        at += 1
        old = {output: site.path(output).read_text() for output in ("out/a", "out/b")}
        probed.want(f"new{at}")
        site.outputs["out/b"] = f"new{at}\n"
        site.outputs[f"out/c{at}"] = "was not there\n"
        site.write()
        wanted = dict(site.outputs)
        total = killed(tmp_path, at)
        for output in old:
            assert site.path(output).read_text() in (old[output], wanted[output]), f"torn at call {at}"
        if heals:
            probed.open()
        code, report = site.once()
        probed.close()
        assert code == (0 if heals else 1), f"call {at}: {report}"
        after = wanted if heals else old
        held = {output: site.path(output).read_text() for output in after}
        assert held == after, f"call {at}"
        assert site.path(f"out/c{at}").exists() == heals, f"call {at}"
        assert site.left_over() == [], f"left over at call {at}"
        assert probed.loaded()[-1] == after["out/a"].strip(), f"call {at}: what serves is not what is in place"
        del site.outputs[f"out/c{at}"]
    assert total > at - 10


def _first_call(probed: Probed) -> int:
    """Return the calls of a pass that is not put back: what can happen up to there is test_kill's."""
    probed.open()
    probed.want("first")
    probed.site.write()
    calls = killed(probed.site.folder, 10_000)
    probed.close()
    assert calls is not None
    return calls // 2
