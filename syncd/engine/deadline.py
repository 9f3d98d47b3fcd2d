"""When a pass must end: the time it was given, or the moment somebody asked it to stop."""

import time


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

    def expired(self) -> bool:
        """Return True where nothing new may start."""
        return self.remaining_s() == 0.0
