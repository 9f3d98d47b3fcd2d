"""When a pass is due after a burst of changes. Pure."""

from dataclasses import dataclass, replace

from syncd.core.fields import Debounce


@dataclass(frozen=True, slots=True)
class Burst:
    """Changes that were seen and not yet applied: when the first and the last came, in seconds of any one clock."""

    first: float
    last: float

    def seen(self, now: float) -> "Burst":
        """Return the burst with one more change at `now`."""
        return replace(self, last=now)


def due(burst: Burst, debounce: Debounce) -> float:
    """Return when the burst is to be applied: after `quiet` without a change, at the latest `max` after the first.

    The first pass after start and the retries of a failed target do not come through here.
    """
    return min(burst.last + debounce.quiet, burst.first + debounce.max)
