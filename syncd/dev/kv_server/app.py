"""The HTTP application of the KV-compatible server: Cloudflare's paths, token and envelope."""

import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from urllib.parse import unquote

import msgspec
from aiohttp import web

from syncd.dev.kv_server.operations import OPERATIONS, Call
from syncd.dev.kv_server.records import MAX_BODY_BYTES, Refused
from syncd.dev.kv_server.store import KvNamespaces

_ROUTE = re.compile(r"/client/v4/accounts/[^/]+/storage/kv/namespaces/([^/]+)/(keys|bulk/delete|bulk/get|bulk)")
_KEYED = re.compile(r"/client/v4/accounts/[^/]+/storage/kv/namespaces/([^/]+)/(values|metadata)/(.*)")


def make_app(store: KvNamespaces) -> web.Application:
    """Return the application that serves `store` and closes it at the end."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await _dispatch(request, store)
        except Refused as fault:
            return _refuse(fault.status, fault.code, fault.message)
        except web.HTTPRequestEntityTooLarge:
            return _refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 10029, f"body is over {MAX_BODY_BYTES} bytes")

    async def keep_open(_: web.Application) -> AsyncIterator[None]:
        yield
        store.close()

    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.router.add_route("*", "/{path:(?s:.*)}", handle)
    app.cleanup_ctx.append(keep_open)
    return app


async def _dispatch(request: web.Request, store: KvNamespaces) -> web.StreamResponse:
    path = request.raw_path.partition("?")[0]
    match = _ROUTE.fullmatch(path) or _KEYED.fullmatch(path)
    if not match:
        raise Refused(HTTPStatus.NOT_FOUND, 7000, "No route for that URI")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not token.strip():
        raise Refused(HTTPStatus.FORBIDDEN, 10000, "Authentication error")
    namespace, operation = match[1], match[2]
    if not store.exists(namespace):
        raise Refused(HTTPStatus.NOT_FOUND, 10013, "namespace not found")
    run = OPERATIONS.get(f"{request.method} {operation}")
    if run is None:
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, 10405, "method not allowed")
    key = unquote(match[3], errors="replace") if match.re is _KEYED else ""
    return await run(Call(request, store, namespace, key))


def _refuse(status: HTTPStatus, code: int, message: str) -> web.Response:
    body = {"success": False, "errors": [{"code": code, "message": message}], "messages": [], "result": None}
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")
