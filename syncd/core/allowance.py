"""What schedules ask of somebody's account in a day, and where that is more than is free. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Daily:
    """What one target asks of an account in a day: `count` of `what`, of which `free` are; `key` is what to change."""

    account: str
    what: str
    count: float
    free: int
    key: str


def beyond(asked: Iterable[Daily]) -> dict[tuple[str, str], str]:
    """Return (account, what) -> a sentence where all together ask more of an account than is free, in order."""
    sums: dict[tuple[str, str], Daily] = {}
    for one in asked:
        before = sums.get((one.account, one.what))
        count = one.count + (before.count if before is not None else 0.0)
        sums[one.account, one.what] = Daily(one.account, one.what, count, one.free, one.key)
    return {
        key: f"{one.account}: about {one.count:,.0f} {one.what} a day; the free plan allows {one.free:,} in all. "
        f"Write a longer {one.key}, unless the account has a paid plan"
        for key, one in sums.items()
        if one.count > one.free
    }
