"""What all endpoints share: the call, answers with Consul's headers, parameters, blocking queries."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

import msgspec
from aiohttp import web

from syncd.dev.consul_server.durations import parse_s
from syncd.dev.consul_server.records import Refused
from syncd.dev.consul_server.state import ConsulState
from syncd.dev.waiters import Concerns

MAX_BODY_BYTES = 524_288
DEFAULT_WAIT_S, MAX_WAIT_S = 300, 600
JITTER = 16
"""A blocking query lasts up to a sixteenth of its wait longer, so that clients do not come back all at once."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One request: `rest` is its decoded path behind the route's."""

    request: web.Request
    state: ConsulState
    rest: str

    @property
    def query(self) -> Mapping[str, str]:
        """Return the parameters; those without a value are there and empty."""
        return self.request.query

    def number(self, name: str) -> int | None:
        """Return an unsigned parameter, None where it is absent. Raises Refused (500, as Consul)."""
        text = self.query.get(name)
        if text is None or (text.isascii() and text.isdigit()):
            return None if text is None else int(text)
        raise Refused(500, f'strconv.ParseUint: parsing "{text}": invalid syntax')

    async def body(self) -> bytes:
        """Return the body. Raises Refused (413) over `MAX_BODY_BYTES`."""
        size = self.request.content_length or 0
        if size <= MAX_BODY_BYTES:
            body = await self.request.read()
            if len(body) <= MAX_BODY_BYTES:
                return body
            size = len(body)
        raise Refused(413, f"Request body({size} bytes) too large, max size: {MAX_BODY_BYTES} bytes.")


Handler = Callable[[Call], Awaitable[web.StreamResponse]]
Routes = Mapping[str, Mapping[str, Handler]]
"""Path -> method -> handler; a path that ends in `/` stands for all below it."""


def index_headers(index: int) -> dict[str, str]:
    """Return the headers of a read. The index is never 0, for that would end nobody's wait."""
    return {"X-Consul-Index": str(max(index, 1)), "X-Consul-KnownLeader": "true", "X-Consul-LastContact": "0"}


def answer(call: Call, value: object, index: int | None = None, status: int = HTTPStatus.OK) -> web.Response:
    """Return `value` as JSON, for a read with its index."""
    body = msgspec.json.encode(value)
    if "pretty" in call.query:
        body = msgspec.json.format(body, indent=4)
    headers = {} if index is None else index_headers(index)
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def not_found(index: int) -> web.Response:
    """Return Consul's answer to a read that found nothing: no body, and an index to wait with."""
    return web.Response(status=HTTPStatus.NOT_FOUND, headers=index_headers(index))


async def blocking(call: Call, read: Callable[[], tuple[int, T]], concerns: Concerns) -> tuple[int, T]:
    """Return what `read` gives, after its index has passed `?index`, or after `?wait` and some jitter.

    Raises:
        Refused: 400, a bad index or wait, or `?stale` with `?consistent`.
    """
    wanted, wait_s = _blocking_parameters(call.query)
    index, found = read()
    loop = asyncio.get_running_loop()
    end = loop.time() + wait_s
    waiters = call.state.waiters
    while wanted and index <= wanted and not waiters.closed and (left_s := end - loop.time()) > 0:
        await waiters.wait(concerns, left_s)
        index, found = read()
    return index, found


def _blocking_parameters(query: Mapping[str, str]) -> tuple[int, float]:
    if "stale" in query and "consistent" in query:
        raise Refused(400, "Cannot specify ?stale with ?consistent, conflicting semantics.")
    index, wait = query.get("index", ""), query.get("wait", "")
    if index and not (index.isascii() and index.isdigit()):
        raise Refused(400, "Invalid index")
    try:
        wait_s = parse_s(wait) if wait else 0
    except ValueError as fault:
        raise Refused(400, "Invalid wait time") from fault
    wait_s = min(wait_s or DEFAULT_WAIT_S, MAX_WAIT_S)
    return int(index or 0), wait_s * (1 + random.random() / JITTER)  # noqa: S311 - no secret
