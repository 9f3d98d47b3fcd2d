"""A window that opens while the daemon waits: the change is applied then, though nothing else happens."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.daemon import Daemon, daemon
from tests.support.processes import wait_until
from tests.support.stack import Stack, stack

__all__ = ["daemon", "stack"]

pytestmark = pytest.mark.e2e


def test_the_opening_applies_at_once(stack: Stack, daemon: Callable[..., Daemon]) -> None:
    """Windows are whole minutes: the next one but one, so that there is time to see it wait."""
    assert stack.syncd("once")[0] == 0
    begins = (datetime.now(UTC) + timedelta(seconds=70)).replace(second=0, microsecond=0)
    window = f"{begins:%H:%M}-{begins + timedelta(hours=1):%H:%M}"
    stack.config["targets"]["app-env"]["only_between"] = [window]
    running = daemon()
    stack.put(services__app__url="http://127.0.0.1:10")
    env = stack.folder / "out/app.env"
    wait_until(lambda: "changes wait for" in (running.target("app-env")["last_error"] or ""), 10)
    assert running.target("app-env")["next_retry_at"] == begins.timestamp()
    wait_until(lambda: "APP_URL=http://127.0.0.1:10\n" in env.read_text(), 90)
    assert time.time() >= begins.timestamp()
    wait_until(running.ready, 5)
