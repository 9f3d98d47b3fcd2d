"""The HTTP application of the Consul-compatible server: finds the handler of a path, as Consul's own mux does."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from urllib.parse import quote, unquote

from aiohttp import web

from syncd.dev.consul_server import agent_routes, catalog_routes, kv_routes, session_routes
from syncd.dev.consul_server.front import Call, Handler, Routes
from syncd.dev.consul_server.records import Refused
from syncd.dev.consul_server.state import ConsulState

_ROUTES: Routes = {**kv_routes.ROUTES, **session_routes.ROUTES, **catalog_routes.ROUTES, **agent_routes.ROUTES}
_READ_AT_MOST_BYTES = 4 * 2**20  # what a refused body may have without Content-Length; 413 is decided in front.py


def make_app(state: ConsulState) -> web.Application:
    """Return the application that serves `state` and closes it at the end."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await _dispatch(request, state)
        except Refused as fault:
            return web.Response(status=fault.status, text=fault.text)

    async def clock(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(state.keep_time())
        yield
        task.cancel()
        state.close()

    async def wake(_: web.Application) -> None:
        state.waiters.close()

    app = web.Application(client_max_size=_READ_AT_MOST_BYTES)
    app.router.add_route("*", "/{path:(?s:.*)}", handle)
    app.cleanup_ctx.append(clock)
    app.on_shutdown.append(wake)
    return app


async def _dispatch(request: web.Request, state: ConsulState) -> web.StreamResponse:
    path = unquote(request.raw_path.partition("?")[0], errors="replace")
    if not path.isprintable():
        return web.Response(status=HTTPStatus.BAD_REQUEST)
    clean = _clean(path)
    if clean != path:
        query = f"?{request.query_string}" if request.query_string else ""
        return web.Response(status=HTTPStatus.MOVED_PERMANENTLY, headers={"Location": quote(clean) + query})
    route = _route_of(path)
    if route is None:
        return web.Response(status=HTTPStatus.NOT_FOUND)
    handlers = _ROUTES[route]
    handler: Handler | None = handlers.get(request.method)
    if handler is None:
        text, allowed = f"method {request.method} not allowed", ",".join(["OPTIONS", *handlers])
        return web.Response(status=HTTPStatus.METHOD_NOT_ALLOWED, text=text, headers={"Allow": allowed})
    return await handler(Call(request, state, path.removeprefix(route)))


def _route_of(path: str) -> str | None:
    if path in _ROUTES:
        return path
    return next((route for route in _ROUTES if route.endswith("/") and path.startswith(route)), None)


def _clean(path: str) -> str:
    """Return the path without `//`, `.` and `..`: such a key is never read or written, its client is sent elsewhere."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    clean = "/" + "/".join(parts)
    folder = clean != "/" and (path.endswith("/") or clean + "/" in _ROUTES)
    return clean + "/" if folder else clean
