"""Warns once it is known how much targets hold, where their schedules ask more of an account than is free."""

from collections.abc import Callable

import structlog

from syncd.core.report.model import ReloadResult
from syncd.engine.allowances import too_much
from syncd.engine.daemon.observing import Passed
from syncd.engine.setup import Setup

_log = structlog.get_logger()


class AllowanceWatch:
    """Sees in each pass how much the targets hold, and logs a warning when that makes it too much; see `Observer`."""

    def __init__(self, setup: Callable[[], Setup]) -> None:
        self._setup = setup
        self._entries: dict[str, int] = {}
        self._said: frozenset[tuple[str, str]] = frozenset()

    def passed(self, one: Passed) -> None:
        """Take note of what a pass made of a target."""
        name, entries = one.after.name, one.after.entries
        if self._entries.get(name) == entries:
            return
        self._entries[name] = entries
        found = too_much(self._setup(), self._entries)
        for key, words in found.items():
            if key not in self._said:  # the words hold a count, which is another one each time
                _log.warning("free_plan", error=words)
        self._said = frozenset(found)

    def reloaded(self, result: ReloadResult) -> None:
        """Take no note of it."""
