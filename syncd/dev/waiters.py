"""Requests that wait for a change: blocking queries, and how a write wakes them."""

import asyncio
from collections.abc import Callable, Sequence

from syncd.dev.tables import Change

Concerns = Callable[[Change], bool]
"""Tells whether a change may matter to a waiting query; it then reads again."""


class Waiters:
    """All waiting queries of one server."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[None], Concerns] = {}
        self.closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    async def wait(self, concerns: Concerns, timeout_s: float) -> None:
        """Return after a change that concerns the caller, after `timeout_s`, or when the server stops."""
        if self.closed:
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[woken] = concerns
        try:
            await asyncio.wait([woken], timeout=timeout_s)
        finally:
            del self._waiting[woken]

    def wake(self, changes: Sequence[Change]) -> None:
        """Wake those whom one of the changes concerns."""
        for woken, concerns in self._waiting.items():
            if not woken.done() and any(concerns(change) for change in changes):
                woken.set_result(None)

    def close(self) -> None:
        """Wake everybody; from now on nobody waits."""
        self.closed = True
        for woken in self._waiting:
            if not woken.done():
                woken.set_result(None)
