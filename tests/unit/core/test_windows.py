"""Windows of a week: open while the wall clock of their zone shows a time within, whatever that clock does."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.windows import DAYS, Window, opening_words, opens_at, parse

BERLIN = ZoneInfo("Europe/Berlin")
CLOCKS = st.builds(lambda minute: f"{minute // 60:02}:{minute % 60:02}", st.integers(0, 24 * 60 - 1))
ZONES = st.sampled_from(
    ["", " UTC", " Europe/Berlin", " America/New_York", " Australia/Lord_Howe", " Asia/Kathmandu", " Pacific/Apia"]
)
WEEK = st.one_of(st.just(""), st.lists(st.sampled_from(DAYS), min_size=1).map(lambda days: ",".join(days) + " "))
TEXTS = st.tuples(WEEK, CLOCKS, CLOCKS, ZONES).filter(lambda one: one[1] != one[2])
WINDOWS = TEXTS.map(lambda one: parse(f"{one[0]}{one[1]}-{one[2]}{one[3]}"))
MOMENTS = st.datetimes(datetime(2011, 12, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


def berlin(text: str, fold: int = 0) -> datetime:
    """Return a moment by Berlin's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).astimezone(UTC)


def clock(at: datetime) -> str:
    """Return a moment as Berlin's clock shows it."""
    return f"{at.astimezone(BERLIN):%Y-%m-%d %H:%M}"


@given(st.lists(WINDOWS, min_size=1, max_size=3), MOMENTS)
def test_the_next_opening_is_the_first_moment_that_is_open(windows: list[Window], now: datetime) -> None:
    """Nothing is open before it, looked at each minute of a day before; it is open itself, and a second before not."""
    at = opens_at(windows, now)
    if at is None:
        assert any(one.is_open(now) for one in windows)
        return
    assert at > now
    assert any(one.is_open(at) for one in windows)
    shut = [now, at - timedelta(seconds=1)]
    shut += [at - timedelta(minutes=minutes) for minutes in range(1, 24 * 60, 7)]
    assert not any(one.is_open(moment) for one in windows for moment in shut if now <= moment < at)


@given(WINDOWS, MOMENTS)
def test_a_window_is_open_by_its_wall_clock_alone(window: Window, now: datetime) -> None:
    """What the wall shows decides: the same time and day of another week is the same."""
    local = now.astimezone(window.zone)
    again = (local + timedelta(days=7)).replace(fold=local.fold)
    there_and_back = again.astimezone(UTC).astimezone(window.zone)
    if (there_and_back.hour, there_and_back.minute, there_and_back.weekday()) == (
        local.hour,
        local.minute,
        local.weekday(),
    ):
        assert window.is_open(now) == window.is_open(again)


@pytest.mark.parametrize(
    ("text", "now", "opens"),
    [
        ("22:00-06:00 Europe/Berlin", "2026-05-09 12:00", "2026-05-09 22:00"),
        ("22:00-06:00 Europe/Berlin", "2026-05-09 23:00", None),
        ("22:00-06:00 Europe/Berlin", "2026-05-10 05:59", None),
        ("22:00-06:00 Europe/Berlin", "2026-05-10 06:00", "2026-05-10 22:00"),
        ("Fri 22:00-06:00 Europe/Berlin", "2026-05-09 05:00", None),  # Saturday morning is Friday's night
        ("Fri 22:00-06:00 Europe/Berlin", "2026-05-09 22:30", "2026-05-15 22:00"),
        ("Mon-Fri 09:00-17:00 Europe/Berlin", "2026-05-09 12:00", "2026-05-11 09:00"),
        ("Sat-Mon 09:00-17:00 Europe/Berlin", "2026-05-08 12:00", "2026-05-09 09:00"),
        ("Tue,Thu 00:00-24:00 Europe/Berlin", "2026-05-12 23:59", None),
        # Spring forward: 02:00 to 03:00 is left out.
        ("02:30-04:00 Europe/Berlin", "2026-03-29 01:00", "2026-03-29 03:00"),
        ("02:15-02:45 Europe/Berlin", "2026-03-29 01:00", "2026-03-30 02:15"),
        ("Sun 02:15-02:45 Europe/Berlin", "2026-03-29 01:00", "2026-04-05 02:15"),
        ("22:00-06:00 Europe/Berlin", "2026-03-29 05:30", None),
    ],
)
def test_windows(text: str, now: str, opens: str | None) -> None:
    """Over midnight, on some days, and where the clock is put forward."""
    at = opens_at([parse(text)], berlin(now))
    assert (None if at is None else clock(at)) == opens


def test_the_hour_that_comes_twice() -> None:
    """A window in it opens twice, the second time when the clock is put back."""
    window = parse("01:30-02:30 Europe/Berlin")
    assert opens_at([window], berlin("2026-10-25 02:20")) is None
    assert opens_at([window], berlin("2026-10-25 02:40")) == berlin("2026-10-25 02:00", fold=1)
    assert opens_at([window], berlin("2026-10-25 02:20", fold=1)) is None
    again = opens_at([window], berlin("2026-10-25 02:40", fold=1))
    assert again is not None
    assert clock(again) == "2026-10-26 01:30"


def test_words_are_those_of_the_windows_own_clock() -> None:
    """The zone is that of the window that opens; without one it is UTC."""
    windows = [parse("22:00-06:00 Europe/Berlin"), parse("03:00-04:00")]
    assert opening_words(windows, berlin("2026-05-09 22:00")) == "Sat 2026-05-09 22:00 Europe/Berlin"
    assert opening_words(windows[1:], datetime(2026, 5, 9, 3, tzinfo=UTC)) == "Sat 2026-05-09 03:00 UTC"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("22-6", "is not a window"),
        ("22:00 - 06:00", "is not a window"),
        ("24:00-06:00", "is not a window"),
        ("22:00-22:00", "is no time at all"),
        ("Mon-Foo 22:00-23:00", "names a day that is none"),
        ("22:00-23:00 Mars/Olympus", "names a time zone"),
        ("22:00-23:00 ../../etc/passwd", "is not a window"),
    ],
)
def test_what_is_no_window(text: str, words: str) -> None:
    """It is refused, and said what to write."""
    with pytest.raises(ValueError, match=words):
        parse(text)
