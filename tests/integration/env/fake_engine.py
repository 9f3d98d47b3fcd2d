"""Just enough of a Docker Engine that `docker create` believes it: it keeps what would be created."""

from __future__ import annotations

import json
import socketserver
import tempfile
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Any


class FakeEngine:
    """Serves on a unix socket while in the `with` block; `created` holds the posted container configurations."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="syncd-")  # short: a socket's path ends at 107 bytes
        self.path = Path(self._folder.name) / "engine.sock"
        self.created: list[dict[str, Any]] = []
        created = self.created

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self._answer(200, {})

            do_GET = do_HEAD

            def do_POST(self) -> None:
                length = self.headers["Content-Length"]
                created.append(json.loads(self.rfile.read(int(length)) if length else self._chunks()))
                self._answer(201, {"Id": "0" * 64, "Warnings": []})

            def _chunks(self) -> bytes:
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                return body

            def _answer(self, status: int, body: dict[str, Any]) -> None:
                self.send_response(status)
                self.send_header("Api-Version", "1.45")
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = socketserver.ThreadingUnixStreamServer(str(self.path), Handler)

    def __enter__(self) -> FakeEngine:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()
