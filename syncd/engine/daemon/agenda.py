"""When the next pass of a worker is due: after a burst of changes, at once, or as a retry."""

import time

from syncd.core.debounce import Burst, due
from syncd.core.fields import Debounce

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 30.0
LONGEST_HELD_S = 15.0
"""Until a held target looks whether the source is well again."""


class Agenda:
    """The reasons for the next pass of one worker.

    Args:
        min_interval_s: the least time between two reloads of its group.
    """

    def __init__(self, debounce: Debounce, min_interval_s: float) -> None:
        self._debounce = debounce
        self._min_interval_s = min_interval_s
        self._burst: Burst | None = None
        self._retry_at: float | None = None
        self._again_at: float | None = None
        self._not_before = float("-inf")
        self._tries = 0
        self._reloaded_at = float("-inf")
        self.full = True
        """The next pass is a full one, and due at once."""

    @property
    def retrying(self) -> bool:
        """True where the last pass left something to be tried again."""
        return self._retry_at is not None

    @property
    def retry_at(self) -> float | None:
        """When that is, in seconds since the epoch."""
        return None if self._retry_at is None else time.time() + self._retry_at - time.monotonic()

    def again(self, at: float | None) -> None:
        """Begin a pass at a time of day, in seconds since the epoch, whether anything changes or not; None for none."""
        self._again_at = at

    def retry_is_due(self) -> bool:
        """Return whether it is time to try again."""
        return self._retry_at is not None and self._retry_at <= time.monotonic()

    def changed(self) -> None:
        """Note a change; more of them within the debounce are one pass."""
        now = time.monotonic()
        self._burst = self._burst.seen(now) if self._burst is not None else Burst(now, now)

    def delay_s(self) -> float | None:
        """Return the seconds until the next pass is due as far as is known now, None where nothing is to do."""
        now = time.monotonic()
        burst = due(self._burst, self._debounce) if self._burst is not None else None
        # Of a time of day only the clock on the wall knows how far away it is, and somebody may set that.
        again = None if self._again_at is None else now + self._again_at - time.time()
        times = [at for at in (self._retry_at, burst, again, now if self.full else None) if at is not None]
        if not times:
            return None
        return max(min(times), self._reloaded_at + self._min_interval_s, self._not_before) - now

    def begin(self) -> float | None:
        """Note that a pass takes in all there is; return when its oldest change came, in seconds since the epoch."""
        since = None if self._burst is None else time.time() + self._burst.first - time.monotonic()
        self.full, self._burst, self._retry_at, self._again_at = False, None, None, None
        return since

    def stay_away(self, wait_s: float | None) -> None:
        """Begin no pass for so long, whatever changes meanwhile: a target's API asked for it; None asks for nothing."""
        self._not_before = float("-inf") if wait_s is None else time.monotonic() + wait_s

    def reloaded(self) -> None:
        """Note that a reload was run."""
        self._reloaded_at = time.monotonic()

    def settled(self) -> None:
        """Note that nothing is left to be tried again."""
        self._tries = 0

    def retry(self, *, held: bool, at_least_s: float = 0.0) -> None:
        """Try again after a pause that grows; `held` because of the source."""
        pause_s = min(LONGEST_HELD_S if held else LONGEST_RETRY_S, FIRST_RETRY_S * 2.0**self._tries)
        self._tries = min(self._tries + 1, 10)
        self._retry_at = time.monotonic() + max(pause_s, at_least_s)
