"""deploy/compose/backend/with-env.sh: a program gets new variables, also one that will not go."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.binaries import ROOT
from tests.support.processes import wait_until

pytestmark = pytest.mark.e2e

SCRIPT = ROOT / "deploy" / "compose" / "backend" / "with-env.sh"
STUBBORN = 'trap "" TERM; echo "$WORD" >>"$0"; while :; do sleep 0.1; done'


def test_a_program_that_ignores_sigterm(tmp_path: Path) -> None:
    """It is killed after a while, gets the new value, and the stop is bounded too."""
    file, seen = tmp_path / "app.env", tmp_path / "seen"
    file.write_text("WORD=one\n")
    environment = {"PATH": "/usr/bin:/bin", "WITH_ENV_GRACE_S": "1"}
    process = subprocess.Popen(["sh", str(SCRIPT), str(file), "sh", "-c", STUBBORN, str(seen)], env=environment)
    try:
        wait_until(lambda: seen.exists() and seen.read_text() == "one\n", 10)
        (tmp_path / "new").write_text("WORD=two\n")
        (tmp_path / "new").rename(file)
        wait_until(lambda: seen.read_text() == "one\ntwo\n", 10)
    finally:
        process.terminate()
        assert process.wait(10) == 0
