"""A proxy between syncd and a real Consul that passes everything on, and lies on command.

It counts what it was asked, how many connections it has, and how often each lie was really delivered.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlencode, urlsplit


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    head: str = ""
    body: bytes = b""

    def target(self, *, blocking: bool = True, behind: int = 0) -> str:
        """Return path and query; without `blocking` as a read that answers at once, with an index `behind` higher."""
        query = [pair for pair in self.query if blocking or pair[0] not in ("index", "wait")]
        query = [(name, str(int(value) + behind) if name == "index" else value) for name, value in query]
        return self.path + (f"?{urlencode(query)}" if query else "")


@dataclass(frozen=True)
class Real:
    """What the real server answers."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """Return one header's value, "" where it is not there."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


@dataclass(frozen=True)
class Reset:
    """Break the connection off instead of an answer; what is in `first` is sent before."""

    first: bytes = b""


@dataclass(frozen=True)
class Silence:
    """Never answer."""


@dataclass(frozen=True)
class Trickle:
    """Send an answer a byte at a time."""

    answer: bytes
    pause_s: float = 0.05


Said = bytes | Reset | Silence | Trickle
Lie = Callable[[Request, Real], Said]


def reads(request: Request) -> bool:
    """Return True for every read, but not for transactions: the usual reach of a lie."""
    return request.method == "GET"


def http(status: int, body: bytes, headers: dict[str, str]) -> bytes:
    """Return a whole answer."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class FaultProxy:
    """See the module. `url` is what goes into `consul.address`; every method may be called from any thread."""

    upstream: str
    url: str = ""
    requests: int = 0
    connected_at: list[float] = field(default_factory=list)
    """When each connection was accepted (time.monotonic)."""
    delivered: Counter[str] = field(default_factory=Counter)
    """Lie -> how often it was really sent."""
    behind: int = 0
    """By how much the index of what is passed on is lower than the real server's."""
    asked: list[Request] = field(default_factory=list)
    passed: list[tuple[Request, Real]] = field(default_factory=list)
    """The real server's own answers, as they were passed on."""

    def __post_init__(self) -> None:
        self._lies: list[tuple[str, Lie, Callable[[Request], bool]]] = []
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: asyncio.Server | None = None
        self.listen()

    # --- commands ---

    def lie(self, name: str, lie: Lie, only: Callable[[Request], bool] = reads) -> None:
        """Answer what `only` picks by `lie` from now on, until `heal`; the newest lie that picks a request wins."""
        self._lies.insert(0, (name, lie, only))

    def heal(self) -> None:
        """Tell the truth again; who waits in a silence is let go with a reset."""
        self._lies.clear()
        self._do(self._reset_all(silent_only=True))

    def relent(self) -> None:
        """Tell the truth again, but leave those alone that wait in a silence."""
        self._lies.clear()

    def cut(self) -> None:
        """Reset every open connection at once."""
        self._do(self._reset_all(silent_only=False))

    def deaf(self) -> None:
        """Refuse new connections and reset the open ones: nobody listens any more."""
        self._do(self._stop())

    def listen(self) -> None:
        """Listen, again on the same port after `deaf`."""
        self._do(self._start())

    def close(self) -> None:
        """End the proxy."""
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._open)

    # --- inside, in the proxy's own loop ---

    def _do(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)  # type: ignore[arg-type]

    async def _start(self) -> None:
        port = urlsplit(self.url).port or 0
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, reuse_address=True, backlog=512)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._reset_all(silent_only=False)

    async def _reset_all(self, *, silent_only: bool) -> None:
        for writer in list(self._open):
            if not silent_only or getattr(writer, "silent", False):
                _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected_at.append(time.monotonic())
        self._open.add(writer)
        try:
            while (request := await _request(reader)) is not None:
                self.requests += 1
                self.asked.append(request)
                if not await self._answer(request, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; return whether the connection goes on."""
        for name, lie, only in self._lies:
            if only(request):
                real = await _ask(self.upstream, request, blocking=False)
                said = lie(request, real)
                self.delivered[name] += 1
                return await _deliver(said, reader, writer)
        asking = asyncio.ensure_future(_ask(self.upstream, request, blocking=True, behind=self.behind))
        gone = asyncio.ensure_future(reader.read(1))
        await asyncio.wait({asking, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():  # who asked is gone
            asking.cancel()
            return False
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone
        try:
            real = asking.result()
        except OSError:
            _reset(writer)
            return False
        if self.behind and real.header("X-Consul-Index"):
            real = _lower(real, self.behind)
            self.delivered["behind"] += 1
        self.passed.append((request, real))
        kept = {name: value for name, value in real.headers if name.lower() not in ("connection", "content-length")}
        writer.write(http(real.status, real.body, kept))
        await writer.drain()
        return True


async def _deliver(said: Said, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    if isinstance(said, bytes):
        writer.write(said)
        await writer.drain()
        return True
    if isinstance(said, Reset):
        writer.write(said.first)
        if said.first:
            await writer.drain()
            await asyncio.sleep(0.02)  # a reset overtakes what is still on its way
        _reset(writer)
    elif isinstance(said, Trickle):
        for byte in said.answer:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(said.pause_s)
    else:
        writer.silent = True  # type: ignore[attr-defined]
        await reader.read(1)
    return False


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _request(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    length = next((int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0)
    method, target, _ = head.split(" ", 2)
    path, _, query = target.partition("?")
    return Request(method, path, tuple(parse_qsl(query, True)), head, await reader.readexactly(length))


def _lower(real: Real, behind: int) -> Real:
    headers = dict(real.headers)
    headers["X-Consul-Index"] = str(max(1, int(real.header("X-Consul-Index")) - behind))
    return replace(real, headers=tuple(headers.items()))


async def _ask(upstream: str, request: Request, *, blocking: bool, behind: int = 0) -> Real:
    """Ask the real server over a connection of its own: HTTP/1.0, so that the answer ends with the connection."""
    parts = urlsplit(upstream)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**26)
    try:
        tokens = [line for line in request.head.split("\r\n") if line.lower().startswith("x-consul-token:")]
        head = [
            f"{request.method} {request.target(blocking=blocking, behind=behind)} HTTP/1.0",
            f"Host: {parts.netloc}",
            *tokens,
        ]
        head.append(f"Content-Length: {len(request.body)}")
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + request.body)
        answer = await reader.read(-1)
    finally:
        writer.close()
    top, _, body = answer.partition(b"\r\n\r\n")
    if not top:
        raise ConnectionResetError("no answer")
    first, *lines = top.decode("latin-1").split("\r\n")
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
    return Real(int(first.split(" ")[1]), headers, body)
