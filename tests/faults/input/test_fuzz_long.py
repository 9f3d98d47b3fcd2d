"""10,000 inputs that nobody would write: the tests of tests/unit/fuzz, ten times as long."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.support.report import record

ROOT = Path(__file__).resolve().parents[3]
WANTED = 10_000


@pytest.mark.e2e
@pytest.mark.long
def test_ten_thousand_inputs(tmp_path: Path) -> None:
    """Config, seed, export, plan, pointer, value, template: what it says, or a located fault; never another error."""
    argv = [sys.executable, "-m", "pytest", "tests/unit/fuzz", "-m", "not e2e", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*argv, "--hypothesis-show-statistics", f"--basetemp={tmp_path / 'long'}"],
        cwd=ROOT,
        env={**os.environ, "FUZZ_LONG": "1", "FAULTS_REPORT": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    passed = sum(int(found) for found in re.findall(r"(\d+) passing, ", done.stdout))
    assert passed >= WANTED, done.stdout[-2000:]
    record(
        "fuzzed config, seed, export, plan, pointer, value, template", area="Input", injected="hypothesis", times=passed
    )
