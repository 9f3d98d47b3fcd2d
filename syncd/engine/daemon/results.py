"""What a worker makes of the results of a pass."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import structlog

from syncd.core.model import OPS, Change, Entry, Plan
from syncd.core.report.model import ReloadResult
from syncd.core.status import TargetStatus
from syncd.engine.applying import Done
from syncd.engine.showing import Planned

_log = structlog.get_logger()


def report(status: TargetStatus, plan: Plan, index: int) -> None:
    """Log what became of a target: what it is now, how many changes, and why it is not in sync."""
    facts: dict[str, object] = {op: plan.count(op) for op in OPS if plan.count(op)}
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


def held_after(present: Mapping[str, Entry], changes: Sequence[Change], owner: str) -> dict[str, Entry]:
    """Return what a target holds once these changes were made to what was there."""
    held = dict(present)
    for change in changes:
        if change.entry is None:
            held.pop(change.key, None)
        else:
            held[change.key] = replace(change.entry, owner=owner)
    return held


def internal(error: Exception) -> str:
    """Return what is said of a fault of ours."""
    return f"internal error ({type(error).__name__}); the log has the details, please report it"
