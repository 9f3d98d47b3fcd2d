"""Notices that wait to be sent: each has its own next try, and of one target only the newest waits. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from syncd.core.notices import Notice

LONGEST_PAUSE_S = 30.0


@dataclass(slots=True, eq=False)
class Waiting:
    """A notice, how often it was tried, and when it is due (seconds of the sender's clock)."""

    notice: Notice
    tries: int = 0
    due: float = 0.0


class Outbox:
    """Holds at most `most` notices; one that has to be tried again stands back for the others."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: list[Waiting] = []

    def add(self, notice: Notice) -> Notice | None:
        """Add a notice, in place of what still waits about its targets; return the one that there is no room for."""
        names = set(notice.names)
        for one in self._waiting:
            one.notice = one.notice.about([name for name in one.notice.names if name not in names])
        self._drop_empty()
        lost = self._waiting.pop(0).notice if len(self._waiting) >= self._most else None
        self._waiting.append(Waiting(notice))
        return lost

    def revise(self, still: Callable[[Notice], Notice]) -> None:
        """Keep of each notice what is still so."""
        for one in self._waiting:
            one.notice = still(one.notice)
        self._drop_empty()

    def next(self) -> Waiting | None:
        """Return the one that is due first, None where none waits."""
        return min(self._waiting, key=lambda one: one.due, default=None)

    def again(self, one: Waiting, now: float, jitter_s: float) -> None:
        """Try it again after a pause that grows with each try: 1 s, 2 s, 4 s and so on."""
        one.due = now + min(LONGEST_PAUSE_S, 2.0**one.tries) + jitter_s
        one.tries += 1

    def end(self, one: Waiting) -> None:
        """Take out what was sent or given up; it may be gone already."""
        self._waiting = [other for other in self._waiting if other is not one]

    def clear(self) -> None:
        """Take out all."""
        self._waiting = []

    def _drop_empty(self) -> None:
        self._waiting = [one for one in self._waiting if one.notice.names]
