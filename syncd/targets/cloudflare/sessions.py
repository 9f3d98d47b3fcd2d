"""The connections of one target: an API token may be replaced while calls with the old one are under way."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from syncd.targets.cloudflare.calls import Calls


@dataclass(slots=True)
class _Session:
    token: str
    calls: Calls
    users: int = 0


class Sessions:
    """One client for the newest token; the one before is closed when the last call with it has ended.

    Args:
        make: returns the calls with a token.
    """

    def __init__(self, make: Callable[[str], Calls]) -> None:
        self._make = make
        self._now: _Session | None = None

    @asynccontextmanager
    async def use(self, token: str) -> AsyncIterator[Calls]:
        """Give the calls with a token; they stay open while the block runs."""
        before = mine = self._now
        if mine is None or mine.token != token:
            # Before anything is awaited: all who see a new token share one.
            self._now = mine = _Session(token, self._make(token))
        mine.users += 1
        try:
            if before is not None and before is not mine:
                await self._close_idle(before)
            yield mine.calls
        finally:
            mine.users -= 1
            await self._close_idle(mine)

    async def close(self) -> None:
        """Close connections, those in use when their last call has ended."""
        before, self._now = self._now, None
        if before is not None:
            await self._close_idle(before)

    async def _close_idle(self, session: _Session) -> None:
        if session is not self._now and not session.users:
            await session.calls.close()
