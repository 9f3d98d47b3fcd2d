"""A real Docker Engine without networks, in a folder of its own; images are made here, nothing is pulled."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support import binaries, processes
from tests.support.http import Http

_ENGINE = binaries.CACHE / "engine/usr"
_BUSYBOX = binaries.CACHE / "busybox/bin/busybox"
_APPLETS = ("sh", "cat", "echo", "false", "kill", "rm", "sleep", "test", "true")


class DockerEngine:
    """A running engine; `host` is what `docker -H` and syncd's `docker.host` take."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.host = f"unix://{folder}/docker.sock"
        self.log = folder / "log"
        tools = folder / "bin"
        tools.mkdir()
        init = shutil.which("tini-static") or shutil.which("tini")
        if init:
            (tools / "docker-init").symlink_to(init)
        path = f"{_ENGINE}/bin:{_ENGINE}/sbin:{tools}:{os.environ['PATH']}:{binaries.SBIN}"
        argv = [f"{_ENGINE}/sbin/dockerd", "-H", self.host, "--pidfile", f"{folder}/pid"]
        argv += ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"]
        # No network: nothing of the machine is touched, whatever other engine there is.
        argv += ["--bridge=none", "--iptables=false", "--ip6tables=false"]
        self._process = processes.spawn(argv, log=self.log, env={**os.environ, "PATH": path})

    def start(self) -> DockerEngine:
        """Wait until it answers."""
        http = Http(self.host)
        processes.await_server("dockerd", self._process, self.log, lambda: http("GET", "/_ping").status == 200)
        return self

    def docker(self, *args: str, stdin: bytes = b"") -> str:
        """Run the docker command line on this engine and return what it prints; AssertionError where it fails."""
        binary = str(binaries.CACHE / "docker/usr/bin/docker")
        environment = {"PATH": os.environ["PATH"], "HOME": str(self._folder), "DOCKER_HOST": self.host}
        environment["DOCKER_CONFIG"] = str(binaries.CACHE / "docker-config")
        done = subprocess.run([binary, *args], input=stdin, capture_output=True, env=environment, check=False)
        assert done.returncode == 0, f"docker {' '.join(args)}: {done.stderr.decode()}"
        return done.stdout.decode().strip()

    def import_image(self, tag: str, scripts: Mapping[str, str]) -> None:
        """Make an image of busybox and some shell scripts, by their path without a first slash."""
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            _add(archive, "bin/busybox", _BUSYBOX.read_bytes())
            for name in _APPLETS:
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                archive.addfile(link)
            for path, text in scripts.items():
                _add(archive, path, text.encode())
        self.docker("import", "-", tag, stdin=tar.getvalue())

    def close(self) -> None:
        """Remove all containers and end it."""
        for container in self.docker("ps", "-aq").split():
            self.docker("rm", "-f", container)
        processes.end(self._process, grace_s=15)
        shutil.rmtree(self._folder, ignore_errors=True)


def _add(archive: tarfile.TarFile, path: str, content: bytes) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), 0o755
    archive.addfile(entry, io.BytesIO(content))


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngine]:
    """One real Docker Engine for the whole run; name containers by `container_name()`, or label them."""
    if os.geteuid() != 0 or not (_ENGINE / "sbin/dockerd").exists() or not _BUSYBOX.exists():
        binaries.missing("docker engine")
    engine = DockerEngine(Path(tempfile.mkdtemp(prefix="syncd-")))  # short: a socket's path ends at 107 bytes
    try:
        yield engine.start()
    finally:
        engine.close()


def container_name() -> str:
    """Return a name that no other container has."""
    return f"t-{uuid.uuid4().hex[:8]}"
