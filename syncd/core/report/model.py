"""The result of one pass, ready to be shown: nothing in it is sensitive."""

from dataclasses import dataclass
from typing import Literal

from syncd.core.model import Plan

Outcome = Literal["in_sync", "applied", "failed", "held", "unsafe", "skipped"]


@dataclass(frozen=True, slots=True)
class Orphan:
    """What a target that left the configuration still holds: a file's path, or how many entries of ours."""

    target: str
    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """What became of one reload: it is owed (`plan`), was done, or failed with these words."""

    reload: str
    state: Literal["owed", "done", "failed"]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TargetResult:
    """One target's plan, and what became of it; `outcome` is None in a dry run.

    `error` says why an applied target failed; a target that could not be planned says so in its plan. `waits`: it was
    skipped because it is not to be changed now.
    """

    plan: Plan
    outcome: Outcome | None = None
    error: str | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True)
class PassResult:
    """All targets of one pass. `selected` are the targets named on the command line, empty for all."""

    owner: str
    consul_index: int
    checksum: str
    targets: tuple[TargetResult, ...]
    reloads: tuple[ReloadResult, ...] = ()
    orphans: tuple[Orphan, ...] = ()
    selected: tuple[str, ...] = ()

    @property
    def in_sync(self) -> bool:
        """True where no target has anything to do and no reload is owed."""
        return all(result.plan.in_sync for result in self.targets) and not any(
            one.state != "done" for one in self.reloads
        )

    @property
    def exit_code(self) -> int:
        """0, 1 or 3 of contract.md §1: failed targets first, then unsafe and held ones, and those that wait."""
        plans = [result.plan for result in self.targets]
        outcomes = {result.outcome for result in self.targets if not result.waits}
        if outcomes & {"failed", "skipped"} or any(plan.failing for plan in plans):
            return 1
        dry = all(result.outcome is None for result in self.targets)
        if not dry and any(one.state != "done" for one in self.reloads):
            return 1
        if "unsafe" in outcomes or "held" in outcomes or any(result.waits for result in self.targets):
            return 3
        return 3 if dry and any(plan.unsafe or plan.held for plan in plans) else 0
