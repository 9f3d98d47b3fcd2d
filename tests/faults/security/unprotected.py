"""The protections of the network, each as a function that takes it out; see `support.unprotected`."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from syncd.consul import transport
from syncd.consul.settings import Settings
from syncd.web import server


def trusts_the_environment() -> None:
    """What the shell says of proxies counts, for every client."""
    _always(aiohttp.ClientSession, "__init__", trust_env=True)
    _always(httpx.AsyncClient, "__init__", trust_env=True)


def follows_redirects() -> None:
    """A redirect is followed, with the headers."""
    _always(aiohttp.ClientSession, "_request", allow_redirects=True)
    _always(httpx.AsyncClient, "__init__", follow_redirects=True)


def trusts_any_certificate() -> None:
    """Whoever speaks TLS is Consul."""
    original = transport.tls_context

    def context(settings: Settings) -> ssl.SSLContext:
        found = original(settings)
        found.check_hostname = False
        found.verify_mode = ssl.CERT_NONE
        return found

    transport.tls_context = context


def knows_every_host() -> None:
    """The status server answers whoever asks, by whatever name."""

    def guard(_hosts: frozenset[str]) -> Middleware:
        @web.middleware
        async def anybody(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await handler(request)

        return anybody

    server._guard = guard


def _always(owner: type, name: str, **arguments: Any) -> None:
    original = getattr(owner, name)
    setattr(owner, name, lambda self, *args, **kwargs: original(self, *args, **{**kwargs, **arguments}))


PROTECTIONS: dict[str, Callable[[], None]] = {
    one.__name__: one for one in (trusts_the_environment, follows_redirects, trusts_any_certificate, knows_every_host)
}
