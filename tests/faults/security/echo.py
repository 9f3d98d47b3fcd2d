"""A server that answers every request with all that it was sent, and counts; also a proxy that must not be asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Echo:
    """Listens on loopback until `close`; `seen` holds each request's line and headers."""

    def __init__(self, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        self.seen: list[str] = []
        echo = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                said = f"{self.requestline}\n{self.headers}\n{self.rfile.read(length).decode(errors='replace')}"
                echo.seen.append(said)
                # In the shape of Cloudflare's API, so that somebody may quote it.
                said = json.dumps({"success": False, "errors": [{"code": 1, "message": said}], "said": said})
                self.send_response(status)
                self.send_header("Content-Length", str(len(said.encode())))
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said.encode())

            do_GET = do_POST = do_PUT = do_CONNECT = do_DELETE = _answer

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
