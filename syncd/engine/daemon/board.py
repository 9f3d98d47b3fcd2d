"""Where the daemon's parts leave their status, and where the web and the operator read it."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from syncd import __version__
from syncd.core.model import Plan
from syncd.core.status import (
    ConfigStatus,
    Freshness,
    LockStatus,
    PauseStatus,
    Role,
    SourceStatus,
    Status,
    TargetState,
    TargetStatus,
)
from syncd.engine.applying import Done
from syncd.engine.showing import Planned

CHANGES_WAIT = "changes wait to be applied"
DISTRUST_S = 1.0
"""A source that answers oddly for less holds nothing: one odd answer in between says little."""


class Board:
    """The newest status of every target; times are seconds since the epoch."""

    def __init__(
        self,
        started_at: float,
        freshness: Freshness,
        source: Callable[[], SourceStatus],
        lock: Callable[[], LockStatus | None],
        config: ConfigStatus,
        paused: Callable[[], PauseStatus | None],
    ) -> None:
        self._started_at = started_at
        self._freshness = freshness
        self._source = source
        self._lock = lock
        self._locked: Collection[str] = ()
        self._targets: dict[str, TargetStatus] = {}
        self._paused = paused
        self.config = config

    def list(self, kinds: Mapping[str, str], locked: Collection[str], before: Mapping[str, TargetStatus]) -> None:
        """Have exactly these targets from now on.

        Args:
            locked: those that only the holder of the lock writes.
            before: what is known of targets from before; one of another kind is another target.
        """
        self._locked = locked
        self._targets = {
            name: before[name] if name in before and before[name].kind == kind else TargetStatus(name, kind)
            for name, kind in kinds.items()
        }

    @property
    def targets(self) -> Mapping[str, TargetStatus]:
        """Every target as it was last noted."""
        return dict(self._targets)

    def status(self) -> Status:
        """Return everything as it is now; no target is in sync with a source that cannot be trusted."""
        source = self._source()
        lock = self._lock()
        role: Role | None = None if lock is None else "leader" if lock.leading else "follower"
        targets = tuple(replace(one, role=role) if one.name in self._locked else one for one in self._targets.values())
        since = source.distrusted_since
        if since is not None and time.time() - since >= DISTRUST_S:
            targets = tuple(_held(one, source) if one.state == "in_sync" else one for one in targets)
        return Status(
            __version__, self._started_at, source, targets, self._freshness, lock, self.config, self._paused()
        )

    def pending(self, name: str, why: str = CHANGES_WAIT) -> None:
        """Note that a target has changes that wait to be applied."""
        if self._targets[name].state == "in_sync":
            self._targets[name] = replace(self._targets[name], state="pending", reasons=(why,))

    def note(self, planned: Planned, done: Done | None, *, index: int, retry_at: float | None) -> TargetStatus:
        """Note what became of one target; `done` is None where syncd is paused."""
        name, plan = planned.target.name, planned.plan
        before, now = self._targets[name], time.time()
        state = _state(plan, done)
        reasons = tuple(_reasons(plan, done, self._paused() if done is None else None))
        after = replace(
            before,
            state=state,
            last_checked_at=now,
            last_applied_at=now if done is not None and done.outcome == "applied" else before.last_applied_at,
            consul_index=index if state == "in_sync" else before.consul_index,
            last_error=None if state == "in_sync" else "; ".join(reasons) or None,
            next_retry_at=None if state == "in_sync" else retry_at,
            missing_keys=plan.missing_keys,
            entries=_entries(planned, done),
            reasons=reasons,
        )
        self._targets[name] = after
        return after

    def applied(self, name: str) -> None:
        """Note that a target was changed now, by other than a pass."""
        self._targets[name] = replace(self._targets[name], last_applied_at=time.time())

    def failed(self, name: str, error: str, retry_at: float | None, *, held: bool = False) -> TargetStatus:
        """Note that a target could not even be planned, `held` because of the source; it keeps what it has."""
        state: TargetState = "held" if held else "failed" if self._targets[name].last_checked_at else "pending"
        after = replace(self._targets[name], state=state, last_error=error, next_retry_at=retry_at, reasons=(error,))
        self._targets[name] = after
        return after


def _held(target: TargetStatus, source: SourceStatus) -> TargetStatus:
    why = f"it keeps what it has, for the source cannot be trusted now: {source.error}"
    return replace(target, state="held", last_error=why, reasons=(why,))


def _state(plan: Plan, done: Done | None) -> TargetState:
    if done is None:
        return "in_sync" if plan.in_sync else "paused"
    if done.wait is not None and done.wait.paused:
        return "paused"
    return {
        "in_sync": "in_sync",
        "applied": "in_sync",
        "failed": "failed",
        "held": "held",
        "unsafe": "unsafe",
        "skipped": "pending",
    }[done.outcome]  # type: ignore[return-value]


def _reasons(plan: Plan, done: Done | None, paused: PauseStatus | None) -> list[str]:
    """Return why a target is not in sync; `paused` is the pause of everything, which may have ended just now."""
    if plan.in_sync and done is None:
        return []
    found = [text for text in (plan.error, done.error if done else paused.words() if paused else None) if text]
    found += [f"key '{key}' has no value" for key in plan.missing_keys if not plan.error]
    found += [f"{fault.key}: {fault.why}" for fault in plan.faults]
    found += [f"{conflict.key}: {conflict.why}" for conflict in plan.conflicts]
    return found + list(plan.held) + list(plan.unsafe)


def _entries(planned: Planned, done: Done | None) -> int:
    plan = planned.plan
    applied = done is not None and done.touched and done.error is None
    return plan.owned + (plan.count("create") - plan.count("delete") if applied else 0)
