"""What is too much for an account is said once, and again only after it was not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from structlog.testing import capture_logs

from syncd.engine.daemon.allowance_watch import AllowanceWatch
from tests.unit.cloudflare import kit


def test_another_count_of_the_same_is_no_news() -> None:
    """Entries come and go; that their lists are too many is known until they are few again."""
    target = kit.target(kit.config(verify={}), kit.FakeClock())
    setup: Any = SimpleNamespace(
        targets={"edge": target}, config=SimpleNamespace(reconcile=SimpleNamespace(interval=300.0))
    )
    watch = AllowanceWatch(lambda: setup)
    with capture_logs() as said:
        for entries in (5_000, 5_001, 5_002, 100_001, 100_002, 10, 5_000):
            one: Any = SimpleNamespace(after=SimpleNamespace(name="edge", entries=entries))
            watch.passed(one)
    words = [line["error"].split(" a day")[0] for line in said]
    assert words == [
        "Workers KV account acc: about 1,440 pages of lists",
        "Workers KV account acc: about 100,001 values read back",
        "Workers KV account acc: about 1,440 pages of lists",
    ]
