"""One path of Consul, watched: a blocking query after the other, for ever."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from syncd.consul.answers import Reply
from syncd.core.errors import SyncdError

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 15.0
"""Between tries while Consul fails."""
IDLE_PAUSE_S = 1.0
"""After the second answer in a row that brought nothing new: a prefix that never existed wakes on every write to the KV
store. One alone is no reason: a full reading may have been faster than the watch."""

T = TypeVar("T")


class Watch(Generic[T]):
    """Asks for one path again and again and hands on every believable answer.

    Args:
        ask: gives the answer after an index, at once for None, soon where the second argument is True; bounded in time
            by the transport, so that a watch that makes no progress is replaced by a new query on a new connection.
        take: gets every answer, and is waited for before the next query; gives False where it brought nothing new.
        fail: gets every failure; the watch goes on with the old index.

    Rules (measured): the index is believed only if it grows; where it falls back, the path is read again without one.
    """

    def __init__(
        self,
        ask: Callable[[int | None, bool], Awaitable[Reply[T]]],
        take: Callable[[Reply[T]], Awaitable[bool]],
        fail: Callable[[SyncdError], None],
    ) -> None:
        self._ask = ask
        self._take = take
        self._fail = fail
        self.index: int | None = None
        """The index that was seen last, None before the first answer."""
        self._tries = 0
        self._dull = 0

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                # After a failure soon: a Consul that came back with lower indexes would let us wait for nothing.
                reply = await self._ask(self.index, self._tries > 0)
                if self.index is not None and reply.index < self.index:
                    # The index falls back minutes after a delete and when a snapshot is restored: both are normal.
                    reply = await self._ask(None, False)
            except SyncdError as error:
                self._fail(error)
                await asyncio.sleep(self._pause_s())
                continue
            self._tries = 0
            self.index = reply.index
            self._dull = 0 if await self._take(reply) else self._dull + 1
            if self._dull > 1:
                await asyncio.sleep(IDLE_PAUSE_S)

    def _pause_s(self) -> float:
        """Return the next pause: doubling, jittered so that watches do not reconnect in lock-step."""
        longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0**self._tries)
        self._tries = min(self._tries + 1, 16)
        return random.uniform(longest / 2, longest)  # noqa: S311 - spread, not secrecy
