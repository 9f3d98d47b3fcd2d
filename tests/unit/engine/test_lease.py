"""The right to write: it runs out by itself, and what was planned in one term is not sent in another."""

from __future__ import annotations

import pytest

from syncd.core.errors import Fenced
from syncd.engine.lease import Lease, Permit, now_s


class Clock:
    """Seconds that go on when the test says so."""

    now = 100.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


def closed(permit: Permit) -> str:
    """Return why nothing may be sent, "" where it may."""
    try:
        permit.check()
    except Fenced as fence:
        return str(fence)
    return ""


def test_it_runs_out_and_is_prolonged() -> None:
    """Nobody has to take it away; prolonged, what was planned before goes on."""
    clock = Clock()
    lease = Lease(clock)
    assert not lease.held
    lease.begin(108)
    lease.why_not = "not renewed"
    permit = lease.permit()
    assert closed(permit) == ""
    clock.now = 108
    assert closed(permit) == "not renewed"
    lease.prolong(118)
    assert closed(permit) == ""


def test_a_new_term_sends_nothing_of_an_old_one() -> None:
    """Neither what was planned before the right came, nor what was planned before it was lost and came again."""
    lease = Lease(Clock())
    before = lease.permit()
    lease.begin(108)
    assert "looks first" in closed(before)
    planned = lease.permit()
    lease.end("another instance writes (x)")
    assert closed(planned) == "another instance writes (x)"
    lease.begin(208)
    assert closed(planned) != ""
    assert closed(lease.permit()) == ""


def test_without_a_lock_everything_goes() -> None:
    """For ever."""
    assert closed(Permit()) == ""
    assert Lease.forever().held


def test_what_was_sent_and_not_answered_is_known() -> None:
    """Until the same target answers."""
    lease = Lease.forever()
    permit = lease.permit()
    with pytest.raises(TimeoutError), permit.sending("edge"):
        raise TimeoutError
    assert lease.unanswered == {"edge"}
    with permit.sending("edge"):
        pass
    assert not lease.unanswered


def test_the_clock_goes_on() -> None:
    """Seconds, and never backwards."""
    assert now_s() <= now_s()
