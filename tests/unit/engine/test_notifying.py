"""By which clock it is counted how long a state lasts."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from syncd.engine.daemon import notifying
from syncd.engine.daemon.notifying import Notifier
from tests.unit.core.test_notices import RULES, status


def test_a_clock_that_is_set_back_delays_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a minute of failure is half a minute, whatever the clock on the wall says; the message has its time."""
    now = SimpleNamespace(time=1_700_000_000.0, monotonic=50.0)
    monkeypatch.setattr(notifying, "time", SimpleNamespace(time=lambda: now.time, monotonic=lambda: now.monotonic))
    notifier = Notifier(lambda _: None)
    bad = status(edge=("failed", "no"))
    notifier._look(bad, RULES)
    now.time -= 3600
    now.monotonic += RULES.after_s
    notifier._look(bad, RULES)
    waiting = notifier._outbox.next()
    assert waiting is not None
    assert (waiting.notice.targets, waiting.notice.since) == (("edge",), 1_700_000_000.0 - 3600 - RULES.after_s)
