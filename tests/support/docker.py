"""A real Docker Engine of our own, in a folder of its own; images are made here, nothing is pulled.

Its programs are unpacked below .cache/ (scripts/recipes.py). It needs root and runc; with a network iptables too.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import subprocess
import tarfile
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import binaries
from tests.support.binaries import CACHE, ROOT
from tests.support.http import Http
from tests.support.processes import await_server, end, spawn

PROGRAMS = (CACHE / "engine/usr", CACHE / "docker/usr", CACHE / "buildx/usr")
"""Engine and runtime; command line and compose; what builds images (`make verify-deploy` alone brings that one)."""
BUSYBOX = CACHE / "busybox/bin/busybox"
APPLETS = ("sh", "cat", "echo", "false", "kill", "rm", "sleep", "test", "true")


@dataclass(frozen=True)
class Done:
    """How a command of the docker CLI ended."""

    code: int
    out: str
    err: str


class Engine:
    """dockerd in `folder` and its command line; `host` is what `docker -H` and syncd's `docker.host` take.

    Without `network` nothing of the machine is touched, whatever other engine there is.
    """

    def __init__(self, folder: Path, *, network: bool) -> None:
        self.host = f"unix://{folder}/docker.sock"
        self._folder = folder
        self._log = folder / "log"
        # Not docker0: another engine of this machine may make and delete that one.
        self._bridge = f"syncd{os.getpid()}" if network else None
        self._environment = self._prepare()
        self._process: subprocess.Popen[bytes] | None = None

    def _prepare(self) -> dict[str, str]:
        own, plugins = self._folder / "bin", self._folder / "config" / "cli-plugins"
        own.mkdir(parents=True)
        plugins.mkdir(parents=True)
        if init := shutil.which("tini-static") or shutil.which("tini"):
            (own / "docker-init").symlink_to(init)
        # The engine's packages may bring buildx too: one of each name.
        found = {one.name: one for programs in PROGRAMS for one in programs.glob("lib*/docker/cli-plugins/*")}
        for name, plugin in found.items():
            (plugins / name).symlink_to(plugin)
        folders = [own, *(found / name for found in PROGRAMS for name in ("bin", "sbin"))]
        return {
            **os.environ,
            "PATH": ":".join([*map(str, folders), os.environ["PATH"], binaries.SBIN, "/sbin"]),
            "HOME": str(self._folder),
            "DOCKER_HOST": self.host,
            "DOCKER_CONFIG": str(plugins.parent),
            "DOCKER_BUILDKIT": "1",
        }

    def start(self) -> None:
        """Start dockerd and wait until it answers."""
        where = ["--data-root", f"{self._folder}/data", "--exec-root", f"{self._folder}/exec"]
        argv = ["dockerd", *where, "-H", self.host, "--pidfile", f"{self._folder}/pid"]
        if self._bridge is None:
            argv += ["--bridge=none", "--iptables=false", "--ip6tables=false"]
        else:
            self._add_bridge(self._bridge)
            argv += ["--bridge", self._bridge]
        argv[0] = shutil.which("dockerd", path=self._environment["PATH"]) or argv[0]
        self._process = spawn(argv, log=self._log, env=self._environment)
        http = Http(self.host)
        await_server("dockerd", self._process, self._log, lambda: http("GET", "/_ping").status == 200)

    def _add_bridge(self, name: str) -> None:
        address = f"172.{random.randint(24, 30)}.{random.randint(0, 255)}.1/24"
        for words in (
            ["link", "add", name, "type", "bridge"],
            ["link", "set", name, "up"],
            ["address", "add", address, "dev", name],
        ):
            subprocess.run(["ip", *words], check=True)

    def close(self) -> None:
        """Remove every container, end the engine, and take its bridge away."""
        if self._process is not None:
            if left := self.run("ps", "-aq").out.split():
                self.run("rm", "-f", "-v", *left)
            end(self._process, grace_s=20)
        if self._bridge is not None:
            subprocess.run(["ip", "link", "delete", self._bridge], capture_output=True, check=False)

    def run(
        self, *words: str, env: Mapping[str, str] | None = None, stdin: bytes = b"", timeout_s: float = 300
    ) -> Done:
        """Run `docker WORDS` and return how it ended."""
        docker = shutil.which("docker", path=self._environment["PATH"]) or "docker"
        environment = {**self._environment, **(env or {})}
        done = subprocess.run(
            [docker, *words],
            env=environment,
            cwd=ROOT,
            input=stdin,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def ok(self, *words: str, env: Mapping[str, str] | None = None, stdin: bytes = b"", timeout_s: float = 300) -> str:
        """The same where it must succeed; return its stdout."""
        done = self.run(*words, env=env, stdin=stdin, timeout_s=timeout_s)
        assert done.code == 0, f"docker {' '.join(words)}: {done.code}\n{done.out[-2000:]}\n{done.err[-4000:]}"
        return done.out

    def inspect(self, name: str) -> dict[str, Any]:
        """Return what the engine knows of a container or image."""
        found = json.loads(self.ok("inspect", name))[0]
        assert isinstance(found, dict)
        return found

    def import_image(self, tag: str, scripts: Mapping[str, str]) -> None:
        """Make an image of busybox and some shell scripts, by their path without a first slash."""
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            _add(archive, "bin/busybox", BUSYBOX.read_bytes())
            for name in APPLETS:
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                archive.addfile(link)
            for path, text in scripts.items():
                _add(archive, path, text.encode())
        self.ok("import", "-", tag, stdin=tar.getvalue())


def _add(archive: tarfile.TarFile, path: str, content: bytes) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), 0o755
    archive.addfile(entry, io.BytesIO(content))


@contextmanager
def running(*, network: bool) -> Iterator[Engine]:
    """Give an engine that runs; afterwards nothing of it is left."""
    # Short: a socket's path ends at 107 bytes. On disk: images do not fit every /tmp in memory.
    with tempfile.TemporaryDirectory(prefix="sd-", dir="/var/tmp", ignore_cleanup_errors=True) as folder:
        engine = Engine(Path(folder) / "engine", network=network)
        try:
            engine.start()
            yield engine
        finally:
            engine.close()


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[Engine]:
    """One engine without a network for the whole run; name containers by `container_name()`, or label them."""
    if os.geteuid() != 0 or not all(path.exists() for path in (*PROGRAMS[:2], BUSYBOX)):
        binaries.missing("docker engine")
    with running(network=False) as engine:
        yield engine


def container_name() -> str:
    """Return a name that no other container has."""
    return f"t-{uuid.uuid4().hex[:8]}"
