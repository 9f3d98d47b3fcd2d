"""A real upstream server in a thread of its own: records requests; answers plainly, late, in streams, by WebSocket."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMsgType, web

EVENTS = 3
STREAMS = {"sse": ("text/event-stream", "data: {}\n\n"), "chunked": ("text/plain", "chunk {}\n")}


@dataclass(frozen=True)
class Received:
    """One request as it arrived; header names are lower case, `path` has the query."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class HttpBackend:
    """An upstream at `url` (`port`), named `name`. Every path answers JSON {"backend": name, "path": path}, unless

    the query says `status=503`, `delay_ms=200`, `answer=sse` or `answer=chunked`: three events ("data: 0"…), of which
    the second and third wait for one `release()` each, so that a test sees whether somebody buffers; or the request
    asks for a WebSocket: every text comes back as "echo: TEXT".
    """

    def __init__(self, name: str = "backend") -> None:
        self.name = name
        self.requests: list[Received] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._gate = asyncio.Semaphore(0)
        self._runner = web.AppRunner(self._app(), shutdown_timeout=0.1)
        self.port: int = self._run(self._start())
        self.url = f"http://127.0.0.1:{self.port}"

    def release(self) -> None:
        """Let a stream that waits send its next event."""
        self._loop.call_soon_threadsafe(self._gate.release)

    def close(self) -> None:
        """End it."""
        self._run(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    async def _start(self) -> int:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(Received(request.method, request.path_qs, headers, await request.read()))
        if headers.get("upgrade", "").lower() == "websocket":
            return await _echo(request)
        await asyncio.sleep(int(request.query.get("delay_ms", "0")) / 1000)
        if kind := request.query.get("answer"):
            return await self._stream(request, kind)
        status = int(request.query.get("status", "200"))
        return web.json_response({"backend": self.name, "path": request.path}, status=status)

    async def _stream(self, request: web.Request, kind: str) -> web.StreamResponse:
        content_type, event = STREAMS[kind]
        response = web.StreamResponse(headers={"Content-Type": content_type})
        await response.prepare(request)
        for number in range(EVENTS):
            if number:
                await self._gate.acquire()
            await response.write(event.format(number).encode())
        return response


async def _echo(request: web.Request) -> web.StreamResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(f"echo: {message.data}")
    return socket
