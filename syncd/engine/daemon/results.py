"""What a worker makes of the results of a pass."""

from collections.abc import Mapping

import structlog

from syncd.core.model import OPS, Plan
from syncd.core.reasons import bare
from syncd.core.report.model import ReloadResult
from syncd.core.status import TargetStatus
from syncd.engine.applying import Done
from syncd.engine.showing import Planned

_log = structlog.get_logger()


class Reporter:
    """Logs what becomes of targets, as far as it is news: what is tried again and goes as before was said."""

    def __init__(self) -> None:
        self._said: dict[str, object] = {}

    def report(self, status: TargetStatus, plan: Plan, done: Done | None, index: int) -> None:
        """Log what a target is now, how many changes, and why it is not in sync; `done` is None where syncd is paused.

        Of one that was found in sync nothing is said.
        """
        if plan.in_sync if done is None else done.outcome == "in_sync":
            self._said.pop(status.name, None)
            return
        facts: dict[str, object] = {op: plan.count(op) for op in OPS if plan.count(op)}
        said = (status.state, dict(facts), bare(status.last_error or ""))
        before, self._said[status.name] = self._said.get(status.name), said
        if said == before and not (done is not None and done.outcome == "applied"):
            return
        if status.last_error is not None:
            facts["error"] = status.last_error
        say = _log.info if status.state in ("in_sync", "pending", "paused") else _log.warning
        say("target", target=status.name, state=status.state, consul_index=index, **facts)


def report_reload(reload: ReloadResult) -> None:
    """Log what became of a reload."""
    if reload.state == "failed":
        _log.warning("reload", reload=reload.reload, state=reload.state, error=reload.error)
    else:
        _log.info("reload", reload=reload.reload, state=reload.state)


def settled(one: Planned, done: Mapping[str, Done] | None) -> bool:
    """Return True where nothing of a target is left to do; `done` is None where syncd is paused."""
    return one.plan.in_sync if done is None else done[one.target.name].outcome in ("in_sync", "applied")


def asked_wait_s(done: Mapping[str, Done], one: Planned) -> float | None:
    """Return how long a target asked to be left alone, None where it did not."""
    found = done.get(one.target.name)
    return found.retry_after_s if found else None


def internal(error: Exception) -> str:
    """Return what is said of a fault of ours."""
    return f"internal error ({type(error).__name__}); the log has the details, please report it"
