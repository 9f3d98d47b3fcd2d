"""The schedule: APScheduler sets a trigger and does no work itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger


def at(interval_s: float) -> IntervalTrigger:
    """Return when to fire: every `interval_s` seconds and up to a tenth more, so that daemons spread."""
    return IntervalTrigger(seconds=max(1, round(interval_s)), jitter=round(interval_s / 10), timezone="UTC")


@contextmanager
def every(interval_s: float, trigger: Callable[[], None]) -> Iterator[None]:
    """Call `trigger` in the event loop every `interval_s` seconds and up to a tenth more, while the block runs."""
    scheduler = AsyncIOScheduler(timezone="UTC")

    async def fire() -> None:
        # A plain function would be run in a thread, where there is no event loop.
        trigger()

    scheduler.add_job(
        fire,
        at(interval_s),
        coalesce=True,
        misfire_grace_time=None,
    )
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)
