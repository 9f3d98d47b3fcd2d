"""The programs that are measured: syncd as its users run it, and the floor."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.support import processes
from tests.support.consul import ConsulServer
from tests.support.http import Http

OWNER = "bench"
SYNCD = [sys.executable, "-m", "syncd", "--log-format", "json"]


def write_config(folder: Path, consul: ConsulServer, prefix: str, **more: Any) -> None:
    """Write a folder's config.yaml; `more` are its other parts."""
    folder.mkdir(parents=True, exist_ok=True)
    base = {"version": 1, "owner": OWNER, "http": None, "consul": {"address": consul.url, "prefix": prefix}}
    (folder / "config.yaml").write_text(yaml.safe_dump({**base, **more}, sort_keys=False))


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of what is measured."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}


@contextmanager
def running(argv: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a folder, its output in `log` there, until the block ends."""
    process = subprocess.Popen(
        argv,
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=(folder / "log").open("ab"),
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def daemon(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `syncd run` in a folder that has a config."""
    with running([*SYNCD, "run"], folder) as process:
        yield process


def wait_for_file(path: Path, process: subprocess.Popen[bytes], within_s: float = 60) -> None:
    """Wait until a program has written a file; AssertionError with its log where it ends or takes too long."""

    def there() -> bool:
        assert process.poll() is None, (path.parent / "log").read_text()
        return path.exists()

    processes.wait_until(there, within_s, f"{path} is there")


def status(port: int) -> Mapping[str, Any]:
    """Return the status document of the daemon on a port; empty while nobody listens there."""
    try:
        document: Mapping[str, Any] = json.loads(Http(f"http://127.0.0.1:{port}")("GET", "/api/v1/status").body)
    except OSError:
        return {}
    return document
