"""The live page: server-sent events, one stream for each page that is open."""

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from syncd.core.history.model import HistoryEntry
from syncd.core.status import Status
from syncd.web import page, words
from syncd.web.told import Told

LOOK_S = 1.0
"""Between two looks at the status."""
ALIVE_S = 15.0
"""So long nothing is sent at most; a page takes three times as long a silence for a lost connection."""
SLOW_S = 10.0
"""A reader that does not take what it was sent in that time is let go; it may come again."""
MOST = 64
"""Pages that are kept up to date at once."""
_RETRY_MS = 2000


class Streams:
    """The open streams of `/api/v1/events`."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._closing = asyncio.Event()
        self._open = 0
        self._latest: tuple[object, Mapping[str, str]] | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Send a page what changes, until it goes or syncd ends."""
        if self._open >= MOST:
            raise web.HTTPServiceUnavailable(text=f"{MOST} pages are open already\n", headers={"Retry-After": "30"})
        self._open += 1
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        try:
            with contextlib.suppress(ConnectionError, TimeoutError):
                await response.prepare(request)
                await self._follow(response)
        finally:
            self._open -= 1
        return response

    async def close(self, _app: web.Application) -> None:
        """End every stream."""
        self._closing.set()

    async def _follow(self, response: web.StreamResponse) -> None:
        loop = asyncio.get_running_loop()
        await _write(response, f"retry: {_RETRY_MS}\n\n")
        before: Status | None = None
        seen: object = None
        sent: Mapping[str, str] = {}
        sent_at = loop.time()
        while not self._closing.is_set():
            status, history, now = self._told.status(), self._told.history(), time.time()
            look = _look(status, history, now)
            if look != seen:
                seen = look
                regions = self._regions(look, status, history, now)
                changed = {name: html for name, html in regions.items() if sent.get(name) != html}
                if changed:
                    await _write(response, _event("status", _news(before, status, now, changed)))
                    sent_at = loop.time()
                before, sent = status, regions
            if loop.time() - sent_at >= ALIVE_S:
                await _write(response, _event("alive", {"now": now}))
                sent_at = loop.time()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), LOOK_S)

    def _regions(self, look: object, status: Status, history: Sequence[HistoryEntry], now: float) -> Mapping[str, str]:
        """Return the regions, made once for all pages that see the same."""
        if self._latest is None or self._latest[0] != look:
            self._latest = (look, page.regions(status, history, now))
        return self._latest[1]


def _look(status: Status, history: Sequence[HistoryEntry], now: float) -> object:
    """Return all that the regions depend on: the status, the newest change, and what the clock alone makes stale."""
    return (
        status,
        [one.id for one in history],
        status.source_is_fresh(now),
        [status.target_is_fresh(one, now) for one in status.targets],
    )


def _news(before: Status | None, status: Status, now: float, changed: Mapping[str, str]) -> dict[str, Any]:
    return {
        "now": now,
        "layout": page.layout(status),
        "title": words.title(status, now),
        "announcement": words.announcement(before, status) if before else "",
        "regions": changed,
    }


def _event(name: str, data: Mapping[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


async def _write(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(SLOW_S):
        await response.write(text.encode())
