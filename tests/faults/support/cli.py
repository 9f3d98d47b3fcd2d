"""The syncd command line with a protection taken out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.faults.support.running import ROOT
from tests.support.cli import Ran


def syncd_without(
    protection: str, *args: str, cwd: Path, env: dict[str, str] | None = None, timeout_s: float = 60
) -> Ran:
    """Run `syncd ARGS` in `cwd` without a protection of `unprotected`; how it fails is up to the test."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.support.unprotected", protection, *args],
        cwd=cwd,
        env={**environment, **(env or {})},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
