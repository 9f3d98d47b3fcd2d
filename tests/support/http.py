"""A small HTTP client on the standard library, so that fixtures do not lean on what syncd itself uses."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the decoded JSON body."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """Return the body as UTF-8."""
        return self.body.decode()


@dataclass(frozen=True)
class Http:
    """Requests to one server: `base_url` is http://, https:// or unix:///path; answers have lower case header names."""

    base_url: str
    headers: dict[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    timeout_s: float = 10

    def __call__(
        self, method: str, path: str = "/", body: Any = None, *, headers: dict[str, str] | None = None
    ) -> Answer:
        """Send one request over a new connection (OSError if nobody is there); a body that is no bytes goes as JSON."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = self._connection()
        try:
            connection.request(method, path, body=data, headers={**self.headers, **(headers or {})})
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read())
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        url = urlsplit(self.base_url)
        if url.scheme == "unix":
            return _UnixConnection(url.path, self.timeout_s)
        if url.scheme == "https":
            return http.client.HTTPSConnection(url.netloc, timeout=self.timeout_s, context=self.tls)
        return http.client.HTTPConnection(url.netloc, timeout=self.timeout_s)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
