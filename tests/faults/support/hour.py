"""A clock that can be made to run: an hour's outage need not last an hour. SIGUSR1 makes it run, SIGUSR2 walk again.

What it moves is all that syncd waits by and tells the time by: the event loop's clock with all timers and deadlines,
`time.time`, and the scheduler's `datetime`. The pauses, deadlines and schedules in between are the shipped ones, and as
many as in a real hour.
"""

from __future__ import annotations

import asyncio
import selectors
import signal
import time
from datetime import datetime, tzinfo
from typing import Any

from apscheduler.executors import base as executors
from apscheduler.schedulers import base as schedulers
from apscheduler.triggers import interval

SPEED = 120
"""An hour in half a minute."""
_real = time.monotonic


class _Clock:
    def __init__(self) -> None:
        self.speed = 1
        self._since = self._then = _real()
        self._wall = time.time() - self._since

    def now(self) -> float:
        return self._then + (_real() - self._since) * self.speed

    def wall(self) -> float:
        return self._wall + self.now()

    def turn(self, speed: int) -> None:
        self._then, self._since, self.speed = self.now(), _real(), speed


def an_hour() -> None:
    """Let signals say how fast the time goes."""
    clock = _Clock()
    select = selectors.EpollSelector.select

    def hurried(self: selectors.EpollSelector, timeout: float | None = None) -> Any:
        return select(self, timeout / clock.speed if timeout else timeout)

    asyncio.BaseEventLoop.time = lambda _: clock.now()  # type: ignore[method-assign]
    selectors.EpollSelector.select = hurried  # type: ignore[method-assign]
    time.time = clock.wall

    class Moved(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.fromtimestamp(clock.wall(), tz)

    for module in (schedulers, executors, interval):
        module.datetime = Moved
    signal.signal(signal.SIGUSR1, lambda *_: clock.turn(SPEED))
    signal.signal(signal.SIGUSR2, lambda *_: clock.turn(1))
