"""What the metrics show beside the status: it is counted while the process lives, whatever is configured anew."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from syncd.core.model import OPS
from syncd.core.report.model import ReloadResult
from syncd.core.status import SourceStatus, Status
from syncd.engine.daemon.observing import Passed
from syncd.engine.setup import Setup, group_of
from syncd.targets.base import UsesWorkersKv
from syncd.web.counters import Counters
from syncd.web.metrics import Shown, exposition

_WELL = ("in_sync", "applied")


@dataclass(slots=True)
class _Waiting:
    """A change on its way: when it came, and whether a pass has written something of it already."""

    since: float
    written: bool = False


class Measuring:
    """An observer that counts; one for the process, so that no counter ever falls.

    Args:
        setup: gives what is configured now.
    """

    def __init__(self, setup: Callable[[], Setup]) -> None:
        self._setup = setup
        self._counters = Counters()
        self._waiting: dict[str, _Waiting] = {}
        self._failing: set[str] = set()
        self._errors = 0
        self._reconnects = 0

    def passed(self, one: Passed) -> None:
        """Count a pass, what it changed, and how long that took since the change came."""
        name, outcome = one.after.name, _outcome(one)
        self._counters.passed(name, outcome, _changes(one))
        if outcome in _WELL:
            # Where a reload failed nobody of its group is well: it was run, or its files were put back and are gone.
            self._failing.discard(self._reload_of(name))
        if one.changed_at is not None:
            self._waiting.setdefault(name, _Waiting(one.changed_at))
        waiting = self._waiting.get(name)
        if waiting is None:
            return
        if one.done is not None and one.done.touched:
            waiting.written = True
        if outcome in _WELL:
            del self._waiting[name]
            # In sync without a write: the change was taken back, or is none to this target.
            if waiting.written:
                self._counters.applied(name, max(0.0, time.time() - waiting.since))

    def reloaded(self, result: ReloadResult) -> None:
        """Count a reload."""
        self._counters.reloaded(result.reload, result.state)
        if result.state == "failed":
            self._failing.add(result.reload)
        else:
            self._failing.discard(result.reload)

    def notified(self, sent: bool) -> None:
        """Count a message to the webhook: sent, or given up."""
        self._counters.notified("sent" if sent else "failed")

    def source_ends(self, source: SourceStatus) -> None:
        """Keep what a source counted that another one takes the place of."""
        self._errors += source.errors
        self._reconnects += source.reconnects

    def exposition(self, status: Status) -> tuple[bytes, str]:
        """Return all metrics in Prometheus' text format, and its content type."""
        setup = self._setup()
        shown = Shown(
            status,
            time.time(),
            self._errors + status.source.errors,
            self._reconnects + status.source.reconnects,
            {name: name in self._failing for name in setup.config.reloads},
            {name: target.usage for name, target in setup.targets.items() if isinstance(target, UsesWorkersKv)},
        )
        return exposition(shown, self._counters)

    def _reload_of(self, target: str) -> str:
        found = self._setup().targets.get(target)
        return (group_of(found) if found is not None else None) or ""


def _outcome(one: Passed) -> str:
    if one.after.state == "paused":
        return "paused"
    if one.done is not None:
        return one.done.outcome
    if one.plan is not None:
        return "in_sync"  # nothing is carried out while syncd is paused, and nothing was to be
    return "held" if one.after.state == "held" else "failed"


def _changes(one: Passed) -> Mapping[str, int]:
    """Return how many entries were changed, by op."""
    if one.plan is None or one.done is None or not one.done.touched:
        return {}
    made = [change.op for change in one.plan.changes if change.key not in one.done.refused]
    return {op: made.count(op) for op in OPS}
