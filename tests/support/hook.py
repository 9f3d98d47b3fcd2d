"""A real webhook: records every message, and answers as it is told."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Message:
    """One request; header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Hook:
    """A server at `url`: takes statuses from `answers` first, then says 200; `silent` keeps every answer back.

    Messages that hold the words `busy`, where there are any, are answered by 503.
    """

    answers: list[int] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    silent: bool = False
    busy: bytes = b""

    def __post_init__(self) -> None:
        self._end = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End it."""
        self._end.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                hook.messages.append(Message(self.command, self.path, headers, body))
                if hook.silent:
                    hook._end.wait(60)
                    return
                said = f"no such hook {self.path}".encode()
                usual = 503 if hook.busy and hook.busy in body else 200
                self.send_response(hook.answers.pop(0) if hook.answers else usual)
                self.send_header("Location", f"{hook.url}/elsewhere")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            do_PUT = do_POST

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        return Handler
