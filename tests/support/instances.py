"""Two and more daemons on one namespace: each a real process with a folder and a counting proxy of its own."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.http import Http
from tests.support.processes import end, free_port, spawn, wait_until
from tests.support.stack import Stack

LOCK_KEY = "syncd/lock"


@dataclass
class Write:
    """One whole write that an instance sent; `at` is in monotonic seconds."""

    at: float
    keys: list[str]


class CountingProxy:
    """Stands between one instance and the KV API: hands everything on and counts writes that came in whole.

    While `hold` is clear the answers to writes are kept back; what was sent is carried out all the same.
    """

    def __init__(self, upstream: str) -> None:
        self.writes: list[Write] = []
        self.reads = 0
        self.hold = threading.Event()
        self.hold.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, Http(upstream, timeout_s=60)))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End it."""
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()


def _handler(proxy: CountingProxy, upstream: Http) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:  # cut off: no request
                self.close_connection = True
                return
            writing = self.path.endswith(("/bulk", "/bulk/delete"))
            if writing:
                keys = [one if isinstance(one, str) else one["key"] for one in json.loads(body)]
                proxy.writes.append(Write(time.monotonic(), keys))
            else:
                proxy.reads += 1
            headers = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
            answer = upstream(self.command, self.path, body or None, headers=headers)
            if writing:
                proxy.hold.wait(120)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers.get("content-type", "text/plain"))
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_PUT = do_POST = do

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def handle(self) -> None:
            """Handle requests; a client that went away is no news."""
            try:
                super().handle()
            except ConnectionError:
                self.close_connection = True

    return Handler


@dataclass
class Instance:
    """One daemon of several with the same configuration."""

    folder: Path
    config: dict[str, Any]
    proxy: CountingProxy
    command: list[str]
    env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> Instance:
        """Start it."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.config, sort_keys=False))
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHONPATH": str(Path.cwd()), **self.env}
        argv = [*self.command, "--log-format", "json", "run"]
        self.process = spawn(argv, log=self.folder / "daemon.log", env=environment, cwd=self.folder)
        return self

    @property
    def log(self) -> str:
        """What it logged."""
        return (self.folder / "daemon.log").read_text()

    def status(self) -> dict[str, Any]:
        """Return the status document, an empty one while nobody answers."""
        try:
            url = f"http://{self.config['http']['listen']}/api/v1/status"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return dict(json.load(answer))
        except (urllib.error.HTTPError, OSError):
            assert self.process is not None
            assert self.process.poll() is None, self.log
            return {}

    def target(self, name: str) -> dict[str, Any]:
        """Return one target's status."""
        return next((one for one in self.status().get("targets", ()) if one["name"] == name), {})

    def leading(self) -> bool:
        """Return whether it says that it writes."""
        return bool((self.status().get("lock") or {}).get("leading"))

    def in_sync(self) -> bool:
        """Return whether all its targets are."""
        targets = self.status().get("targets")
        return bool(targets) and all(one["state"] == "in_sync" for one in targets)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; returns when a stopped one has stopped."""
        assert self.process is not None
        self.process.send_signal(number)
        if number == signal.SIGSTOP:
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def wait(self) -> int:
        """Return its exit code."""
        assert self.process is not None
        return self.process.wait(10)


@pytest.fixture
def instances(stack: Stack) -> Iterator[Callable[..., list[Instance]]]:
    """instances("a", "b"): started daemons, the first of them leading; each writes the edge through its own proxy.

    `command` is what runs instead of `python -m syncd`, `env` more of its environment.
    """
    made: list[Instance] = []

    def make(
        *names: str, command: tuple[str, ...] = (sys.executable, "-m", "syncd"), env: dict[str, str] | None = None
    ) -> list[Instance]:
        for name in names:
            config = copy.deepcopy(stack.config)
            config["consul"]["lock_key"] = LOCK_KEY
            config["http"] = {"listen": f"127.0.0.1:{free_port()}"}
            proxy = CountingProxy(stack.kv.server.url)
            config["targets"]["edge"]["base_url"] = proxy.url + "/client/v4"
            made.append(Instance(stack.folder / name, config, proxy, list(command), env or {}))
            one = made[-1].start()
            if len(made) == 1:
                wait_until(one.leading, 20)
            wait_until(one.in_sync, 20, f"{name} is in sync")
        return made

    yield make
    for one in made:
        if one.process is not None:
            one.signal(signal.SIGCONT)
            end(one.process, grace_s=0)
            assert "internal_error" not in one.log, one.log
        one.proxy.close()
