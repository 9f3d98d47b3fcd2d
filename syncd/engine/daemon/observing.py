"""What the workers tell others of their passes: metrics, notification and whoever else counts or reports them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from syncd.core.model import Plan
from syncd.core.report.model import ReloadResult
from syncd.core.status import TargetStatus
from syncd.engine.applying import Done


@dataclass(frozen=True, slots=True)
class Passed:
    """What one pass made of one target.

    `plan` is None where nothing could be planned, `done` where nothing was to be carried out (paused, or no plan).
    `changed_at` is when the oldest change that the pass took in was seen, in seconds since the epoch; None where the
    pass had another reason (a schedule, a retry).
    """

    before: TargetStatus
    after: TargetStatus
    plan: Plan | None = None
    done: Done | None = None
    changed_at: float | None = None


class Observer(Protocol):
    """Is told of passes in the event loop, once each; must not raise, and not wait."""

    def passed(self, one: Passed) -> None:
        """Take note of what a pass made of a target."""
        ...

    def reloaded(self, result: ReloadResult) -> None:
        """Take note of a reload that was run, or that is owed and could not be run."""
        ...


class Observers:
    """Tells several observers, in order."""

    def __init__(self, observers: Iterable[Observer] = ()) -> None:
        self._observers = tuple(observers)

    def passed(self, one: Passed) -> None:
        """Tell each."""
        for observer in self._observers:
            observer.passed(one)

    def reloaded(self, result: ReloadResult) -> None:
        """Tell each."""
        for observer in self._observers:
            observer.reloaded(result)
