"""Small servers that show what the shared backend does not: connections, streams without chunks, DNS."""

from __future__ import annotations

import socket
import struct
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.http import Http


class CountingBackend(ThreadingHTTPServer):
    """An HTTP/1.1 server on `port` that keeps connections open and counts them in `connections`.

    It has its own mind about CORS: every answer allows every origin.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.port = int(self.server_address[1])
        self.connections = 0
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def process_request(self, request: object, client_address: object) -> None:
        """Count a new connection, then serve it."""
        self.connections += 1
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def close(self) -> None:
        """End it."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class PlainStream(ThreadingHTTPServer):
    """An HTTP server on `port` that streams lines until it closes the connection; one now, then one per `release()`.

    Without chunks nginx cannot see where a piece ends: this is the stream that it holds back when it buffers.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Stream)
        self.port = int(self.server_address[1])
        self.gate = threading.Semaphore(0)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def release(self) -> None:
        """Let the stream send its next line."""
        self.gate.release()

    def close(self) -> None:
        """End it."""
        self.gate.release(3)
        self.shutdown()
        self.server_close()


class _Stream(BaseHTTPRequestHandler):
    server: PlainStream

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for number in range(3):
            if number:
                self.server.gate.acquire()
            self.wfile.write(f"data: {number}\n".encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def lines_one_by_one(client: Http, path: str, stream: PlainStream) -> list[bytes]:
    """Return the lines of a stream, each read before the next one is sent; TimeoutError where something buffers."""
    connection = HTTPConnection(client.base_url.removeprefix("http://"), timeout=client.timeout_s)
    connection.request("GET", path)
    answer = connection.getresponse()
    lines = []
    for _ in range(3):
        lines.append(answer.readline())
        stream.release()
    connection.close()
    return lines


class NameServer:
    """A DNS server on `port` (UDP) for whom every name is 127.0.0.1; `asked` holds the names, in order."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.asked: list[str] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """End it."""
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                query, client = self._socket.recvfrom(512)
            except OSError:
                return
            self._socket.sendto(self._answer(query), client)

    def _answer(self, query: bytes) -> bytes:
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        self.asked.append(".".join(labels))
        question, kind = query[12 : at + 5], struct.unpack("!H", query[at + 1 : at + 3])[0]
        answers = 1 if kind == 1 else 0  # only A; no AAAA
        header = query[:2] + struct.pack("!HHHHH", 0x8180, 1, answers, 0, 0)
        record = struct.pack("!HHHIH", 0xC00C, 1, 1, 1, 4) + bytes([127, 0, 0, 1])
        return header + question + record * answers
