"""Server processes that never outlive the tests, free ports, and waiting on a condition with a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import inspect
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, TypeVar

T = TypeVar("T")

PAUSE_S = 0.01
# Below the range from which Linux takes the ports of outgoing connections, so that none of them gets in between.
PORTS = range(20000, 32000)
_handed_out: set[int] = set()
_PR_SET_PDEATHSIG = 1


def free_port() -> int:
    """Return a TCP port that is free on loopback (UDP too) and was not handed out before in this run."""
    while True:
        port = random.choice(PORTS)
        if port in _handed_out:
            continue
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        _handed_out.add(port)
        return port


def wait_until(condition: Callable[[], T], deadline_s: float = 10, why: str = "") -> T:
    """Call `condition` until it gives something true, and return that; AssertionError after `deadline_s`."""
    end = time.monotonic() + deadline_s
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s:g} s: {why or inspect.getsource(condition).strip()}")
        time.sleep(PAUSE_S)
    return found


async def eventually(condition: Callable[[], T | Awaitable[T]], deadline_s: float = 10, why: str = "") -> T:
    """The same for tests that are coroutines: the loop goes on between two calls; `condition` may be async."""
    end = time.monotonic() + deadline_s
    while True:
        found = condition()
        found = await found if inspect.isawaitable(found) else found
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s:g} s: {why or inspect.getsource(condition).strip()}")
        await asyncio.sleep(PAUSE_S)


def spawn(
    argv: list[str], *, log: Path, env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a server in its own process group with its output in `log`; it dies with us, whatever kills us."""
    with log.open("ab") as output:
        return _start(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, cwd=cwd)


def spawn_talking(argv: list[str], *, log: Path, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """The same with pipes as stdin and stdout: the server says when it is ready, and ends when stdin ends."""
    with log.open("ab") as output:
        return _start(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, env=env)


def _start(
    argv: list[str],
    *,
    stdin: int,
    stdout: int | IO[bytes],
    stderr: IO[bytes],
    env: dict[str, str] | None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=env,
        cwd=cwd,
        start_new_session=True,
        preexec_fn=_die_with_parent,
    )


_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def end(process: subprocess.Popen[bytes], *, grace_s: float = 5) -> None:
    """End the process and its group: SIGTERM, then SIGKILL after `grace_s`; harmless where it has ended."""
    for sign, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, grace_s)):
        signal_group(process, sign)
        try:
            process.wait(patience_s)
            break
        except subprocess.TimeoutExpired:
            continue
    signal_group(process, signal.SIGKILL)  # what the process itself left behind
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


def signal_group(process: subprocess.Popen[bytes], sign: signal.Signals) -> None:
    """Send `sign` to the process and its children; nothing where they are gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, sign)


def await_server(name: str, process: subprocess.Popen[bytes], log: Path, answers: Callable[[], bool]) -> None:
    """Wait until `answers()`; if the process ends or 30 s pass, AssertionError with the end of its log."""

    def ready() -> bool:
        assert process.poll() is None, f"{name} ended with {process.returncode}"
        try:
            return answers()
        except OSError:
            return False

    try:
        wait_until(ready, 30, f"{name} answers")
    except AssertionError as fault:
        raise AssertionError(f"{fault}; the end of its log:\n{_last_lines(log)}") from None


def _last_lines(log: Path, count: int = 15) -> str:
    """Return the end of a log, for the message of a server that did not start."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:]) if log.exists() else "(no log)"
