"""A server that reloads by HTTP, as a test wants it to answer; the stack's fixtures."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.stack import stack, with_nginx

__all__ = ["stack", "with_nginx"]

Answer = Callable[[web.Request], web.Response]


@dataclass
class Consumer:
    """A server; `answer` makes its answers, `seen` holds (method, path with query, headers) of what it was asked."""

    answer: Answer = lambda _request: web.Response()
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append((request.method, request.path_qs, headers))
        return self.answer(request)


@pytest.fixture
async def consumer() -> AsyncIterator[Consumer]:
    """A consumer of this test's own, started."""
    one = Consumer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", one.handle)
    async with TestServer(app, host="127.0.0.1") as server:
        one.url = f"http://127.0.0.1:{server.port}"
        yield one
