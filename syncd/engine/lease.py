"""The right to write what only one instance may write: until when, and the check that stands before each write."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from syncd.core.errors import Fenced

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now_s() -> float:
    """Return seconds that go on while this process is stopped and while the machine sleeps."""
    return time.clock_gettime(_CLOCK)


class Lease:
    """The right to write for a while, and again and again longer.

    A term begins or ends whenever the right is given or taken away; a lease that runs out by itself may be prolonged in
    the same term. What was planned in one term is not sent in another: somebody else may have written in between.
    """

    def __init__(self, now: Callable[[], float] = now_s) -> None:
        self._now = now
        self._until = float("-inf")
        self.term = 0
        self.why_not = "this instance has not got the lock yet"
        """Why nothing may be written, in words, while that is so."""
        self.unanswered: set[str] = set()
        """The targets that were sent something and did not say what became of it."""

    @classmethod
    def forever(cls) -> "Lease":
        """Return a lease that does not end: there is no lock."""
        lease = cls()
        lease._until = float("inf")
        return lease

    @property
    def held(self) -> bool:
        """True while we may write."""
        return self._now() < self._until

    def begin(self, until: float) -> None:
        """Give the right to write until then, by `now_s`."""
        self.term += 1
        self._until = until

    def prolong(self, until: float) -> None:
        """Give it for longer; nobody else had it meanwhile."""
        self._until = until

    def end(self, why_not: str) -> None:
        """Take it away."""
        self.term += 1
        self._until = float("-inf")
        self.why_not = why_not

    def permit(self) -> "Permit":
        """Return the right to write for one pass that begins now."""
        return Permit(self, self.term)


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to write what is planned in one term of a lease."""

    lease: Lease = field(default_factory=Lease.forever)
    term: int = 0

    def check(self) -> None:
        """Return where a write may go out now; called as late before each as can be.

        Raises:
            Fenced: it may not.
        """
        if not self.lease.held:
            raise Fenced(self.lease.why_not)
        if self.lease.term != self.term:
            raise Fenced("this instance writes from now on, and looks first what is there")

    @contextmanager
    def sending(self, target: str) -> Iterator[None]:
        """Note that a target is sent something; where the block is left by an error, what became of it is not known."""
        self.lease.unanswered.add(target)
        yield
        self.lease.unanswered.discard(target)
