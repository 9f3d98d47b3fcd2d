"""A running `syncd run`, as its operator sees it: status, readiness, metrics, log, sockets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from tests.support.processes import free_port, wait_until

ROOT = Path(__file__).resolve().parents[3]


class Running:
    """A daemon in a folder; started by the constructor, ended by `close`.

    Args:
        config: its config; `http` is filled in.
        without: a protection of `tests.faults.support.unprotected` that is taken out.
        wrap: argv of what starts it, such as `setpriv`.
    """

    def __init__(
        self, folder: Path, config: dict[str, Any], *args: str, without: str = "", wrap: tuple[str, ...] = ()
    ) -> None:
        self.folder, self.config, self.args, self.without, self.wrap = folder, config, args, without, wrap
        self.log = folder / "daemon.log"
        self.start()

    def start(self) -> None:
        """Start it (again); the log goes on."""
        self.port = free_port()
        self.config["http"] = {"listen": f"127.0.0.1:{self.port}"}
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.config, sort_keys=False))
        module = ["tests.faults.support.unprotected", self.without] if self.without else ["syncd"]
        self.process = subprocess.Popen(
            [*self.wrap, sys.executable, "-m", *module, "--log-format", "json", "run", *self.args],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHONPATH": str(ROOT)},
            stderr=self.log.open("ab"),
            stdin=subprocess.DEVNULL,
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def wait_ready(self, deadline_s: float = 20) -> Running:
        """Return it when /readyz says 200."""
        wait_until(self.ready, deadline_s, f"{self.folder.name} is ready; {self.readyz()}")
        return self

    def get(self, path: str) -> tuple[int, str]:
        """Return status and text of a page; 0 where nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            assert self.process.poll() is None, self.log.read_text()
            return 0, ""

    def status(self) -> dict[str, Any]:
        """Return the status document."""
        found: dict[str, Any] = json.loads(wait_until(lambda: self.get("/api/v1/status")[1]))
        return found

    def source(self) -> dict[str, Any]:
        """Return the source's status."""
        found: dict[str, Any] = self.status()["source"]
        return found

    def target(self, name: str) -> dict[str, Any]:
        """Return one target's status."""
        return next(one for one in self.status()["targets"] if one["name"] == name)

    def states(self) -> dict[str, str]:
        """Return every target's state."""
        return {one["name"]: one["state"] for one in self.status()["targets"]}

    def readyz(self) -> tuple[int, str]:
        """Return what /readyz says."""
        return self.get("/readyz")

    def ready(self) -> bool:
        """Return whether /readyz says 200."""
        return self.readyz()[0] == 200

    def metric(self, name: str) -> float:
        """Return one metric, labels included in the name."""
        lines = self.get("/metrics")[1].splitlines()
        return float(next(line.rpartition(" ")[2] for line in lines if line.startswith(name + " ")))

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """Return what was logged, oldest first, only events of one name if given."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if name in ("", line["event"])]

    def sockets(self, port: int) -> int:
        """Return how many established TCP connections it has to a port."""
        inodes = set()
        for entry in Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                inodes.add(str(entry.readlink()))
            except OSError:
                continue
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(
            1 for row in rows if row[3] == "01" and row[2].endswith(f":{port:04X}") and f"socket:[{row[9]}]" in inodes
        )

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code; it must end within 5 s."""
        self.process.send_signal(number)
        return self.process.wait(timeout=5)

    def kill(self) -> None:
        """End it by SIGKILL."""
        self.process.kill()
        self.process.wait(10)

    def close(self) -> None:
        """End it and see that nothing went wrong inside."""
        self.kill()
        assert "internal_error" not in self.log.read_text(), self.log.read_text()
