"""One API token's calls: Cloudflare allows 1,200 per 5 minutes, and blocks the token for 5 minutes past them."""

from collections import deque
from collections.abc import Callable
from math import inf

from syncd.core.usage import Wait
from syncd.targets.cloudflare.clock import Clock

CALLS = 1_100
"""Calls per window, 100 short of what is allowed: the same token may serve a person or a script too."""
WINDOW_S = 300.0
SPARE = 10
"""One call in so many may be one that can wait."""


class TooLong(Exception):
    """The next call is allowed only after the caller's deadline; `wait_s` seconds from now."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"{wait_s:.0f} s")
        self.wait_s = wait_s


class Budget:
    """At most `calls` calls in any `window_s` seconds, and none while the API has told the token to wait."""

    def __init__(self, clock: Clock, *, calls: int = CALLS, window_s: float = WINDOW_S) -> None:
        self._clock = clock
        self._window_s = window_s
        self._taken: deque[float] = deque(maxlen=calls)
        self._spare: deque[float] = deque(maxlen=max(1, calls // SPARE))
        self._blocked_until = 0.0

    async def take(self, deadline: float, waiting: Callable[[Wait, float], None] = lambda _why, _s: None) -> None:
        """Wait until one call is allowed, and count it.

        Args:
            deadline: monotonic seconds; no wait that would end later is begun.
            waiting: told why, and how many seconds, before each wait.

        Raises:
            TooLong: the call would have to wait past the deadline.
        """
        while (at := self._next_at()) > (now := self._clock.now()):
            if at > deadline:
                raise TooLong(at - now)
            waiting("retry_after" if at == self._blocked_until else "budget", at - now)
            await self._clock.sleep(at - now)
        self._taken.append(self._clock.now())

    async def take_spare(self, deadline: float = inf) -> None:
        """Wait until a call that can wait is allowed, and count it.

        Such calls are at most a tenth of all, and none is made while half of the calls are taken: the rest is for what
        cannot wait.

        Args:
            deadline: monotonic seconds; no wait that would end later is begun.

        Raises:
            TooLong: the call would have to wait past the deadline.
        """
        while (at := self._next_spare_at()) > (now := self._clock.now()):
            if at > deadline:
                raise TooLong(at - now)
            await self._clock.sleep(at - now)
        self._spare.append(self._clock.now())
        self._taken.append(self._clock.now())

    def block(self, seconds: float) -> None:
        """Allow no call for so many seconds: the API said so (Retry-After), and it means the token."""
        self._blocked_until = max(self._blocked_until, self._clock.now() + seconds)

    def _next_at(self) -> float:
        full = len(self._taken) == self._taken.maxlen
        return max(self._blocked_until, self._taken[0] + self._window_s if full else 0.0)

    def _next_spare_at(self) -> float:
        half = max(1, (self._taken.maxlen or 0) // 2)
        quiet = self._taken[-half] + self._window_s if len(self._taken) >= half else 0.0
        full = len(self._spare) == self._spare.maxlen
        return max(self._next_at(), quiet, self._spare[0] + self._window_s if full else 0.0)
