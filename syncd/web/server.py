"""Health, readiness, metrics and status over HTTP; read-only."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from syncd.core.errors import ConfigError, Fault
from syncd.core.status import Status
from syncd.web.metrics import exposition
from syncd.web.status_json import document

_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_GUARDED = ("/api",)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serve(address: tuple[str, int], hosts: Sequence[str], status: Callable[[], Status]) -> AsyncIterator[None]:
    """Serve while the block runs.

    Args:
        hosts: names that the Host header of guarded paths may have, beside localhost and the address itself.

    Raises:
        ConfigError: the port is taken, or the address is not ours.
    """
    runner = web.AppRunner(_app(frozenset({*_LOCAL_NAMES, address[0], *hosts}), status), access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, *address, shutdown_timeout=0.5).start()
        except OSError as error:
            where = f"{address[0]}:{address[1]}"
            message = f"cannot listen on '{where}' ({error.strerror}); stop what uses it, or set http.listen"
            raise ConfigError([Fault("http.listen", 0, 0, "", message)]) from error
        yield
    finally:
        await runner.cleanup()


def _app(hosts: frozenset[str], status: Callable[[], Status]) -> web.Application:
    async def healthz(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_request: web.Request) -> web.Response:
        reasons = status().not_ready(time.time())
        return web.Response(text="\n".join(reasons or ["ready"]) + "\n", status=503 if reasons else 200)

    async def metrics(_request: web.Request) -> web.Response:
        body, content_type = exposition(status())
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def api_status(_request: web.Request) -> web.Response:
        return web.json_response(document(status(), time.time()))

    @web.middleware
    async def known_host(request: web.Request, handler: _Handler) -> web.StreamResponse:
        """A page of another site that resolves its own name to our address must not read us."""
        if request.path.startswith(_GUARDED) and _host(request) not in hosts:
            raise web.HTTPForbidden(text="this Host is not known; add it to http.hosts\n")
        return await handler(request)

    app = web.Application(middlewares=[known_host])
    app.add_routes(
        [
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.get("/metrics", metrics),
            web.get("/api/v1/status", api_status),
        ]
    )
    return app


def _host(request: web.Request) -> str:
    host = request.headers.get("Host", "")
    return host.rpartition(":")[0].strip("[]") if host.rpartition(":")[2].isdecimal() else host.strip("[]")
