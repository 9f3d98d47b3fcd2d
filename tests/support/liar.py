"""An HTTP server that answers what Consul never would: only for faults that the real one cannot show."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

Answerer = Callable[[str, str], bytes]


def answer(
    status: int, body: str = "", *, kind: str = "application/json", index: str | None = "7", more: str = ""
) -> bytes:
    """Return a whole HTTP answer; `index` is X-Consul-Index, `more` further header lines, each with its `\\r\\n`."""
    content = body.encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\nContent-Type: {kind}\r\n{more}"
    head += f"X-Consul-Index: {index}\r\n" if index is not None else ""
    return head.encode() + b"\r\n" + content


@dataclass
class Liar:
    """Answers every request by `say(method, path with query)`; `requests` holds head and body of each.

    Where the body that `say` returns is shorter than its Content-Length the rest comes a byte at a time; where `say`
    returns nothing the connection is closed.
    """

    say: Answerer
    requests: list[str] = field(default_factory=list)
    url: str = ""
    connections: int = 0
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Liar:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.requests.append(head + (await reader.readexactly(_length(head))).decode())
                said = self.say(*head.split(" ", 2)[:2])
                writer.write(said)
                while said and _incomplete(said):
                    await writer.drain()
                    await asyncio.sleep(0.02)
                    writer.write(b" ")
                if not said:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def _length(head: str) -> int:
    return next((int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0)


def _incomplete(said: bytes) -> bool:
    head, _, body = said.partition(b"\r\n\r\n")
    return len(body) < _length(head.decode())
