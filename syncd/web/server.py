"""Health, readiness, metrics, status and the status page over HTTP; read-only."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from syncd.web.answers import Answers
from syncd.web.events import Streams
from syncd.web.listening import cannot_listen
from syncd.web.told import Told

_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_UNGUARDED = ("/healthz", "/readyz", "/metrics")
_ASSETS = Path(__file__).parent / "assets"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@asynccontextmanager
async def serve(address: tuple[str, int], hosts: Sequence[str], told: Told) -> AsyncIterator[None]:
    """Serve while the block runs.

    Args:
        hosts: names that the Host header of guarded paths may have, beside localhost and the address itself.

    Raises:
        ConfigError: the port is taken, or the address is not ours.
    """
    runner = web.AppRunner(
        _app(frozenset(name.lower() for name in (*_LOCAL_NAMES, address[0], *hosts)), told),
        access_log=None,
        shutdown_timeout=0.5,
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, *address).start()
        except OSError as error:
            raise cannot_listen(address, error) from error
        yield
    finally:
        await runner.cleanup()


def _app(hosts: frozenset[str], told: Told) -> web.Application:
    streams = Streams(told)
    answers = Answers(told)
    app = web.Application(middlewares=[_guard(hosts)])
    app.on_response_prepare.append(_add_headers)
    app.on_shutdown.append(streams.close)
    app.add_routes(
        [
            web.get("/healthz", answers.healthz),
            web.get("/readyz", answers.readyz),
            web.get("/metrics", answers.metrics),
            web.get("/api/v1/status", answers.status),
            web.get("/api/v1/events", streams.handle, allow_head=False),
            web.get("/", answers.root),
            web.get("/plans/{target}", answers.plan),
            web.get(r"/changes/{number:\d{1,15}}", answers.change),
            web.static("/assets", _ASSETS),
        ]
    )
    return app


def _guard(hosts: frozenset[str]) -> Middleware:
    @web.middleware
    async def known_host(request: web.Request, handler: Handler) -> web.StreamResponse:
        """A page of another site that resolves its own name to our address must not read us."""
        if request.path not in _UNGUARDED:
            if _host(request) not in hosts:
                raise web.HTTPForbidden(text="this Host is not known; add it to http.hosts\n")
            if _from_elsewhere(request):
                raise web.HTTPForbidden(text="a page of another site asked for this; open it by itself\n")
        return await handler(request)

    return known_host


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)


def _from_elsewhere(request: web.Request) -> bool:
    """Return whether another site's page asks, to show or run what it gets; a link that somebody follows is fine.

    Browsers say so, and no page can make them say something else; what is no browser says nothing.
    """
    if request.headers.get("Sec-Fetch-Site") != "cross-site":
        return False
    return (request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest")) != ("navigate", "document")


def _host(request: web.Request) -> str:
    host = request.headers.get("Host", "").lower()
    return host.rpartition(":")[0].strip("[]") if host.rpartition(":")[2].isdecimal() else host.strip("[]")
