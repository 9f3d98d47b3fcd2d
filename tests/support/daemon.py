"""A daemon of a test's own, on the stack's servers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import free_port, wait_until
from tests.support.stack import Stack


class Daemon:
    """A running `syncd run`."""

    def __init__(self, stack: Stack, *args: str) -> None:
        self.port = free_port()
        stack.config["http"] = {"listen": f"127.0.0.1:{self.port}"}
        stack.write_config()
        self.log = stack.folder / "daemon.log"
        environment = {"PATH": os.environ["PATH"], "HOME": str(stack.folder), **stack.env}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "syncd", "--log-format", "json", "run", *args],
            cwd=stack.folder,
            env=environment,
            stderr=self.log.open("wb"),
            stdin=subprocess.DEVNULL,
        )

    def status(self) -> dict[str, Any]:
        """Return the status document."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/status", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def target(self, name: str) -> dict[str, Any]:
        """Return one target's status."""
        return next(one for one in self.status()["targets"] if one["name"] == name)

    def ready(self) -> bool:
        """Return whether /readyz says 200."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.HTTPError, OSError):
            assert self.process.poll() is None, self.log.read_text()
            return False

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the log events of one name so far."""
        lines = (json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{"))
        return [line for line in lines if line["event"] == name]

    def connections(self, port: int) -> set[int]:
        """Return the local ports of its established TCP connections to a port."""
        inodes = {str(link) for link in _links(Path(f"/proc/{self.process.pid}/fd"))}
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return {
            int(row[1].rpartition(":")[2], 16)
            for row in rows
            if row[3] == "01" and row[2].endswith(f":{port:04X}") and f"socket:[{row[9]}]" in inodes
        }

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code; it must end within 5 s."""
        self.process.send_signal(number)
        return self.process.wait(timeout=5)


def _links(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        with suppress(OSError):
            yield entry.readlink()


@pytest.fixture
def daemon(stack: Stack) -> Iterator[Callable[..., Daemon]]:
    """Starts daemons for the stack and waits until they are ready; ended afterwards."""
    started: list[Daemon] = []

    def start(*args: str, ready: bool = True) -> Daemon:
        one = Daemon(stack, *args)
        started.append(one)
        if ready:
            wait_until(one.ready, 20)
        return one

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
        assert "internal_error" not in one.log.read_text(), one.log.read_text()
