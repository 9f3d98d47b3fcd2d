"""deploy/compose/gateway/gateway.sh with a real nginx, without an engine: what it says is what nginx does."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import binaries
from tests.support.binaries import ROOT
from tests.support.http import Http
from tests.support.processes import free_port, wait_until

pytestmark = pytest.mark.e2e

FOLDER = ROOT / "deploy" / "compose" / "gateway"


class Gateway:
    """The script in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.files, self.result, self._run = folder / "files", folder / "result" / "gateway.json", folder / "run"
        for one in (self.files, self.result.parent, self._run):
            one.mkdir()
        (folder / "nginx").symlink_to(binaries.nginx_bin())
        moved = {"/srv/syncd/files": self.files, "/srv/syncd/result": self.result.parent, "/run/gateway": self._run}
        moved |= {"/gateway/nginx.conf": folder / "frame.conf"}
        for name, copied in (("gateway.sh", "gateway.sh"), ("nginx.conf", "frame.conf")):
            text = (FOLDER / name).read_text().replace("8081", str(free_port()))
            for old, new in moved.items():
                text = text.replace(old, str(new))
            (folder / copied).write_text(text)
        self.port, self._folder = free_port(), folder
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder / "log"

    def start(self) -> None:
        """Run it until the test ends."""
        path = f"{self._folder}:{os.environ['PATH']}"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", str(self._folder / "gateway.sh")], env={"PATH": path}, stdout=log, stderr=log
            )

    def stop(self) -> int:
        """Stop it as Docker does, and return its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(20)

    def write(self, text: str) -> str:
        """Write the one site, as syncd does, and return its digest, as docs/reloads.md has it."""
        fresh = self.files / ".new"
        fresh.write_text(text)
        fresh.rename(self.files / "site.conf")
        line = f"{hashlib.sha256(text.encode()).hexdigest()}  site.conf\n"
        return hashlib.sha256(line.encode()).hexdigest()

    def site(self, answer: str, more: str = "", listen: str = "") -> str:
        """Return a site that answers with a word."""
        return f"{more}\nserver {{ listen 127.0.0.1:{self.port}; {listen} location / {{ return 200 {answer}; }} }}\n"

    def said(self, digest: str) -> dict[str, Any]:
        """Wait for the answer to these files, and return it."""

        def answer() -> dict[str, Any]:
            found: dict[str, Any] = json.loads(self.result.read_bytes()) if self.result.exists() else {}
            return found if found.get("digest") == digest else {}

        wait_until(lambda: bool(answer()), 20)
        return answer()

    def served(self) -> str:
        """Return what nginx answers."""
        return Http(f"http://127.0.0.1:{self.port}", timeout_s=5)("GET", "/").text

    def log(self) -> str:
        """Return what the container's log would hold."""
        return self._log.read_text(errors="replace")

    def version(self) -> str:
        """Return the name of the version that runs: it counts what was taken."""
        return (self._run / "current").readlink().name


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that is stopped when the test ends."""
    found = Gateway(tmp_path)
    yield found
    assert found.stop() == 0


CACHE = "proxy_cache_path {folder} keys_zone=pages:{size}m;"


def test_a_zone_that_cannot_be_changed(gateway: Gateway, tmp_path: Path) -> None:
    """`nginx -t` passes, the reload does not: said so in nginx's words, and the old site is served on."""
    good = gateway.site("old", CACHE.format(folder=tmp_path / "a", size=1))
    digest = gateway.write(good)
    gateway.start()
    assert gateway.said(digest)["ok"] is True
    found = gateway.said(gateway.write(gateway.site("new", CACHE.format(folder=tmp_path / "b", size=1))))
    assert found["ok"] is False
    assert "[emerg]" in found["message"]
    assert "previously" in found["message"]
    assert gateway.served() == "old"
    assert gateway.said(gateway.write(good))["ok"] is True
    assert gateway.said(gateway.write(gateway.site("newer", CACHE.format(folder=tmp_path / "a", size=1))))["ok"] is True
    wait_until(lambda: gateway.served() == "newer", 10)


def test_an_address_that_is_taken(gateway: Gateway) -> None:
    """A listener that cannot be opened is found out by the reload alone."""
    digest = gateway.write(gateway.site("old"))
    gateway.start()
    assert gateway.said(digest)["ok"] is True
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"listen 127.0.0.1:{other.getsockname()[1]};"
        found = gateway.said(gateway.write(gateway.site("new", listen=taken)))
    assert found["ok"] is False
    assert "Address already in use" in found["message"]
    assert gateway.served() == "old"


def test_an_address_that_is_taken_at_the_start(gateway: Gateway) -> None:
    """Files that keep nginx from starting are refused, and it runs without them until they are put right."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"listen 127.0.0.1:{other.getsockname()[1]};"
        digest = gateway.write(gateway.site("new", listen=taken))
        gateway.start()
        found = gateway.said(digest)
        assert (found["ok"], "Address already in use" in found["message"]) == (False, True)
    assert gateway.said(gateway.write(gateway.site("right")))["ok"] is True
    wait_until(lambda: gateway.served() == "right", 10)


def test_a_result_that_cannot_be_written(gateway: Gateway) -> None:
    """Where the answer cannot be written nginx is not reloaded over and over; it is written once it can be."""
    digest = gateway.write(gateway.site("old"))
    gateway.start()
    assert gateway.said(digest)["ok"] is True
    aside = gateway.result.parent.with_name("aside")
    gateway.result.parent.rename(aside)
    digest = gateway.write(gateway.site("new"))
    wait_until(lambda: gateway.served() == "new", 20)
    wait_until(lambda: "cannot be written" in gateway.log(), 10)
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > 1.5, 5)  # the loop goes round every 0.5 s
    aside.rename(gateway.result.parent)
    assert gateway.said(digest)["ok"] is True
    assert gateway.version() == "2"
    assert gateway.log().count("cannot be written") == 1


@pytest.mark.parametrize("name", [b"ca\xfft", b"ta\tb", b"q\\uote", "größe".encode(), b"bell\x07"])
def test_any_bytes_in_what_nginx_says(gateway: Gateway, name: bytes) -> None:
    """The answer is JSON whatever stands in nginx's message."""
    gateway.start()
    text = b'bad "' + name + b'";\n'
    (gateway.files / ".new").write_bytes(text)
    (gateway.files / ".new").rename(gateway.files / "site.conf")
    line = f"{hashlib.sha256(text).hexdigest()}  site.conf\n"
    found = gateway.said(hashlib.sha256(line.encode()).hexdigest())
    assert found["ok"] is False
    assert "unknown directive" in found["message"]
