"""When a target may be changed: times of a week on the clock of a time zone. Pure but for the zone's own data.

A window is open while a clock on the wall of its zone shows a time within it. So on the day on which that clock is put
back, a window in the hour that comes twice opens twice; on the day on which it is put forward, a window begins with
the first minute that the clock shows, and one that lies in the missing hour does not open.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, WithJsonSchema

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_NUMBER = {name.lower(): number for number, name in enumerate(DAYS)}
_ALL = frozenset(range(7))
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d"
_PATTERN = rf"^(?:([A-Za-z]{{3}}(?:[-,][A-Za-z]{{3}})*) )?({_CLOCK})-({_CLOCK}|24:00)(?: ([A-Za-z0-9_+/-]+))?$"
_EXAMPLE = "22:00-06:00 Europe/Berlin or Mon-Fri 09:00-17:00"
_DAY_MINUTES = 24 * 60
_AHEAD_DAYS = 16
"""A window comes again within a week, and one that the clock leaves out on its day in the week after."""


@dataclass(frozen=True, slots=True)
class Window:
    """One time of some days. Minutes since midnight; `days` (Monday is 0) are those on which it opens.

    Where `end` is not after `start` it ends on the next day.
    """

    start: int
    end: int
    days: frozenset[int]
    zone: tzinfo

    def is_open(self, now: datetime) -> bool:
        """Return whether it is open at `now`, which knows its zone."""
        local = now.astimezone(self.zone)
        minute, today = local.hour * 60 + local.minute, local.weekday()
        if self.start < self.end:
            return today in self.days and self.start <= minute < self.end
        return (today in self.days and minute >= self.start) or ((today - 1) % 7 in self.days and minute < self.end)

    def openings(self, now: datetime) -> Iterator[datetime]:
        """Yield the moments after `now`, in UTC, at which it may begin to be open."""
        first = now.astimezone(self.zone).date() - timedelta(days=1)
        for ahead in range(_AHEAD_DAYS + 2):
            day = first + timedelta(days=ahead)
            begins = datetime.combine(day, time(self.start // 60, self.start % 60), self.zone)
            yield from (begins.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
            yield from _shift(day, self.zone)


def parse(text: str) -> Window:
    """Return the window that a text such as `Mon-Fri 22:00-06:00 Europe/Berlin` stands for; without a zone it is UTC.

    Raises:
        ValueError: it is none; the message follows the value.
    """
    match = re.match(_PATTERN, text)
    if match is None:
        raise ValueError(f"is not a window; write one such as {_EXAMPLE}")
    days, start, end, zone = match.groups()
    window = Window(_minutes(start), _minutes(end), _days(days), _zone(zone or "UTC"))
    if window.start == window.end:
        raise ValueError("is no time at all; for the whole day write 00:00-24:00")
    return window


def opens_at(windows: Sequence[Window], now: datetime) -> datetime | None:
    """Return when the first of some windows opens, in UTC; None where one is open at `now`.

    Args:
        windows: at least one.
    """
    if any(window.is_open(now) for window in windows):
        return None
    return min(_next(window, now) for window in windows)


def opening_words(windows: Iterable[Window], at: datetime) -> str:
    """Return when a window opens as its own clock shows it: `Mon 2026-05-11 22:00 Europe/Berlin`."""
    zone = next((window.zone for window in windows if window.is_open(at)), UTC)
    local = at.astimezone(zone)
    return f"{DAYS[local.weekday()]} {local:%Y-%m-%d %H:%M} {zone}"


@lru_cache(maxsize=1024)
def parsed(texts: tuple[str, ...]) -> tuple[Window, ...]:
    """Return the windows of texts that were found to be some."""
    return tuple(parse(text) for text in texts)


def _checked(text: str) -> str:
    parse(text)
    return text


WindowText = Annotated[str, AfterValidator(_checked), WithJsonSchema({"type": "string", "pattern": _PATTERN})]
"""A window as it is written in the configuration."""


def _next(window: Window, now: datetime) -> datetime:
    found = [at for at in window.openings(now) if at > now and window.is_open(at)]
    if not found:
        raise AssertionError("a window opens at least every second week")
    return min(found)


def _shift(day: date, zone: tzinfo) -> list[datetime]:
    """Return the moment, in UTC, in which the zone's clock is put forward or back on a day; nothing on most days."""
    early = datetime.combine(day, time(), zone).astimezone(UTC)
    late = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    offset = early.astimezone(zone).utcoffset()
    if late.astimezone(zone).utcoffset() == offset:
        return []
    while late - early > timedelta(seconds=1):
        middle = (early + (late - early) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            early = middle
        else:
            late = middle
    return [late]


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _days(text: str | None) -> frozenset[int]:
    if text is None:
        return _ALL
    found: set[int] = set()
    for part in text.split(","):
        names = part.lower().split("-")
        if len(names) > 2 or any(name not in _NUMBER for name in names):
            raise ValueError(f"names a day that is none; write {', '.join(DAYS)}, a range or a list of them")
        first, last = _NUMBER[names[0]], _NUMBER[names[-1]]
        found |= {(first + step) % 7 for step in range((last - first) % 7 + 1)}
    return frozenset(found)


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        # A machine without the data of time zones (package tzdata) knows none at all.
        raise ValueError(
            "names a time zone that this machine does not know; write one such as Europe/Berlin, or install tzdata"
        ) from None
