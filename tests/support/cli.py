"""Run the syncd command line as its users do: another process, clean environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Ran(NamedTuple):
    """How a command ended."""

    rc: int
    stdout: str
    stderr: str


def syncd_cli(*args: str, cwd: Path, env: dict[str, str] | None = None, timeout_s: float = 60) -> Ran:
    """Run `syncd ARGS` in `cwd`; its environment is PATH, HOME, LANG and `env`. An internal error fails the test."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), "LANG": "C.UTF-8", **(env or {})}
    done = subprocess.run(
        [sys.executable, "-m", "syncd", *args],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback (most recent call last)" not in done.stderr, done.stderr
    assert "internal_error" not in done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)
