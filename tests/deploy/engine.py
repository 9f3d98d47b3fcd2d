"""A real Docker Engine of our own: its programs are unpacked below .cache/, its data lies in a temporary folder."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.binaries import CACHE, ROOT
from tests.support.processes import await_server, end, spawn

PROGRAMS = CACHE / "deploy" / "engine"
PACKAGES = ["docker.io", "containerd", "docker-cli", "docker-compose", "docker-buildx"]


@dataclass(frozen=True)
class Done:
    """How a command of the docker CLI ended."""

    code: int
    out: str
    err: str


class Engine:
    """dockerd in `folder`, and its command line. Needs root, runc, iptables and tini; Debian 12's runc works."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "dockerd.log"
        self.host = f"unix://{folder}/docker.sock"
        # Not docker0: another engine of this machine may make and delete that one.
        self.bridge = f"syncd{os.getpid()}"
        self._environment = self._prepare()
        self._process: subprocess.Popen[bytes] | None = None

    def _prepare(self) -> dict[str, str]:
        own = self.folder / "bin"
        own.mkdir(parents=True)
        (own / "docker-init").symlink_to("/usr/bin/tini-static")
        plugins = self.folder / "config" / "cli-plugins"
        plugins.mkdir(parents=True)
        for plugin in PROGRAMS.glob("usr/lib*/docker/cli-plugins/*"):
            (plugins / plugin.name).symlink_to(plugin)
        path = [str(own), f"{PROGRAMS}/usr/bin", f"{PROGRAMS}/usr/sbin", os.environ["PATH"], "/usr/sbin", "/sbin"]
        return {
            **os.environ,
            "PATH": ":".join(path),
            "DOCKER_HOST": self.host,
            "DOCKER_CONFIG": str(plugins.parent),
            "DOCKER_BUILDKIT": "1",
        }

    def start(self) -> Engine:
        """Start dockerd and wait until it answers."""
        for words in (["add", self.bridge, "type", "bridge"], ["set", self.bridge, "up"]):
            subprocess.run(["ip", "link", *words], check=True)
        address = f"172.{random.randint(24, 30)}.{random.randint(0, 255)}.1/24"
        subprocess.run(["ip", "address", "add", address, "dev", self.bridge], check=True)
        where = ["--data-root", f"{self.folder}/data", "--exec-root", f"{self.folder}/exec", "--bridge", self.bridge]
        argv = ["dockerd", *where, "-H", self.host, "--pidfile", f"{self.folder}/pid"]
        self._process = spawn(argv, log=self.log, env=self._environment)
        await_server("dockerd", self._process, self.log, lambda: self.run("version").code == 0)
        return self

    def close(self) -> None:
        """Stop every container and the engine, and take its bridge away."""
        if self._process is None:
            return
        if left := self.run("ps", "-aq").out.split():
            self.run("rm", "-f", "-v", *left)
        end(self._process, grace_s=20)
        subprocess.run(["ip", "link", "delete", self.bridge], capture_output=True, check=False)

    def run(self, *words: str, env: dict[str, str] | None = None, timeout_s: float = 300) -> Done:
        """Run `docker WORDS` and return how it ended."""
        done = subprocess.run(
            ["docker", *words],
            env={**self._environment, **(env or {})},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def ok(self, *words: str, env: dict[str, str] | None = None, timeout_s: float = 300) -> str:
        """The same where it must succeed; return its stdout."""
        done = self.run(*words, env=env, timeout_s=timeout_s)
        assert done.code == 0, f"docker {' '.join(words)}: {done.code}\n{done.out[-2000:]}\n{done.err[-4000:]}"
        return done.out

    def inspect(self, name: str) -> dict[str, Any]:
        """Return what the engine knows of a container or image."""
        found = json.loads(self.ok("inspect", name))[0]
        assert isinstance(found, dict)
        return found


def scripts() -> None:
    """Make the modules of scripts/ importable: they know how Debian packages get here."""
    folder = str(ROOT / "scripts")
    if folder not in sys.path:
        sys.path.insert(0, folder)
