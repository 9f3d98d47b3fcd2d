"""When a pass must end: the time it was given, or the moment somebody asked it to stop."""

import time

_LONGEST_WAIT_S = 60.0


class Deadline:
    """A point on the monotonic clock; `stop` brings it to now."""

    def __init__(self, timeout_s: float | None) -> None:
        self._end = None if timeout_s is None else time.monotonic() + timeout_s
        self.timeout_s = timeout_s
        self.stopped = False

    def stop(self) -> None:
        """End the time now: nothing new starts."""
        self.stopped = True

    def remaining_s(self) -> float | None:
        """Return the seconds left, 0 at the least, None for no end."""
        if self.stopped:
            return 0.0
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def wait_s(self) -> float:
        """Return how long a remote target may wait for its API to take calls again, in seconds."""
        remaining = self.remaining_s()
        return _LONGEST_WAIT_S if remaining is None else min(remaining, _LONGEST_WAIT_S)

    def expired(self) -> bool:
        """Return True where nothing new may start."""
        return self.remaining_s() == 0.0
