"""The schedule on a clock that runs a day in a moment."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from syncd.engine.daemon.schedule import at


def test_a_day_of_five_minutes() -> None:
    """In 24 hours the default interval fires every 5 to 5.5 minutes: spread, and never forgotten."""
    now = datetime.now(UTC)
    trigger, end = at(300.0), now + timedelta(hours=24)
    fired: list[datetime] = []
    while (due := trigger.get_next_fire_time(fired[-1] if fired else None, now)) <= end:
        fired.append(due)
        now = due + timedelta(milliseconds=3)
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(fired)]
    assert 260 <= len(fired) <= 288
    assert 300 <= min(pauses) <= max(pauses) <= 330.1
    assert len({round(pause) for pause in pauses}) > 5
