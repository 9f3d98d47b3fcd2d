"""Forks the syncd command line out of a process that has imported it, and ends it with SIGKILL where it is told to.

`python -m tests.support.nest [PROTECTION]` reads one JSON object per line and answers each by one:
{"args", "cwd", "call", "after_s"} → {"status": exit code or -9, "calls", "took_s"}. `call`: kill at the N-th system
call of the transaction (0: count them; null: run it as it is). `after_s`: kill then. It answers when all that the
command started has ended, too.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import syncd
from syncd import cli
from tests.support import killer

ROOT = Path(__file__).resolve().parents[2]
SLOW = ("__main__", "cloudflare.api")
_PR_SET_CHILD_SUBREAPER = 36


class Ended(NamedTuple):
    """How one command ended; `calls` is 0 where it was killed."""

    status: int
    calls: int
    took_s: float


class Nest:
    """A nest in a folder; `close` ends it."""

    def __init__(self, folder: Path, without: str = "") -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.nest", *([without] if without else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT)},
        )

    def run(self, *args: str, call: int | None = None, after_s: float | None = None) -> Ended:
        """Run a command in the folder; its output is added to the file `log`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"args": args, "cwd": str(self.folder), "call": call, "after_s": after_s}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the nest ended"
        return Ended(**json.loads(line))

    def close(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(10)


def plain(arguments: list[str]) -> tuple[int, int]:
    """Run the command line as it is: counting makes it slow."""
    sys.argv = ["syncd", *arguments]
    return cli.main(), 0


def _child(order: dict[str, Any], counter: int) -> int:
    os.chdir(order["cwd"])
    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(log, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if order["call"] is None:
        code, calls = plain(order["args"])
    else:
        code, calls = killer.counted(order["args"], order["call"], only_applying=True)
    os.write(counter, str(calls).encode())
    return code


def _serve(order: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        code = 70
        with contextlib.suppress(BaseException):
            code = _child(order, writing)
        os._exit(code)
    os.close(writing)
    if order["after_s"] is not None:
        time.sleep(order["after_s"])
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    took_s = time.monotonic() - began
    with contextlib.suppress(ChildProcessError):
        while True:  # what a killed command started goes on, and is ours now
            os.waitpid(-1, 0)
    calls = os.read(reading, 20)
    os.close(reading)
    return {"status": status, "calls": int(calls or b"0"), "took_s": took_s}


def main() -> None:
    """Serve until stdin ends."""
    if len(sys.argv) > 1:
        from tests.faults.support.unprotected import PROTECTIONS

        PROTECTIONS[sys.argv[1]]()
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    for module in pkgutil.walk_packages(syncd.__path__, "syncd."):
        if not module.name.endswith(SLOW):
            importlib.import_module(module.name)
    for line in sys.stdin:
        print(json.dumps(_serve(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
