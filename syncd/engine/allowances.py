"""Where the schedules of targets together ask more of an account than its free plan allows."""

from collections.abc import Mapping

from syncd.core.allowance import beyond
from syncd.engine.setup import Setup
from syncd.targets.offers import Metered


def too_much(setup: Setup, entries: Mapping[str, int]) -> dict[tuple[str, str], str]:
    """Return what is asked beyond the free plans: (account, what) -> a sentence.

    Args:
        entries: how many entries targets hold; those that are not known count as few.
    """
    metered = {name: target for name, target in setup.targets.items() if isinstance(target, Metered)}
    interval_s = setup.config.reconcile.interval
    return beyond(one for name, target in metered.items() for one in target.daily(entries.get(name, 0), interval_s))
