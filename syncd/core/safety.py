"""The filters between a plan and its application: policy and limits. Pure.

The owner's filter is part of `diff` (a conflict is no change); the vanish guard needs the source and is the engine's.
"""

from dataclasses import replace

from syncd.core.fields import Limits
from syncd.core.model import Plan

_ALLOWED = {
    "sync": {"create", "update", "delete"},
    "upsert-only": {"create", "update"},
    "create-only": {"create"},
}


def by_policy(plan: Plan, policy: str) -> Plan:
    """Return the plan with only those changes that the policy (`sync`, `upsert-only`, `create-only`) allows."""
    allowed = _ALLOWED[policy]
    return replace(plan, changes=tuple(change for change in plan.changes if change.op in allowed))


def by_limits(plan: Plan, limits: Limits) -> Plan:
    """Return the plan with a reason in `unsafe` for every limit that it passes.

    Percentages are of the entries we own before the plan; updates that take over what nobody claimed do not count.
    Below `min_entries` only a plan that would leave us owning nothing is unsafe.
    """
    if not plan.owned:
        return plan
    deletes = plan.count("delete")
    adopted = sum(1 for change in plan.changes if change.adopted)
    updates = plan.count("update") - adopted
    reasons: list[str] = []
    if deletes == plan.owned and not plan.count("create") and not adopted:
        if limits.allow_empty:
            return plan
        what = "the only entry" if plan.owned == 1 else f"all {plan.owned} entries"
        reasons.append(f"would delete {what} that we own (limits.allow_empty is false)")
    elif plan.owned >= limits.min_entries:
        reasons += _over("delete", deletes, plan.owned, limits.max_delete_percent)
    if plan.owned >= limits.min_entries:
        reasons += _over("update", updates, plan.owned, limits.max_update_percent)
    return replace(plan, unsafe=plan.unsafe + tuple(reasons)) if reasons else plan


def _over(op: str, count: int, owned: int, limit_percent: float) -> list[str]:
    if count * 100 <= limit_percent * owned:
        return []
    return [
        f"would {op} {count} of {_entries(owned)} that we own, {count * 100 / owned:.1f} % "
        f"(limits.max_{op}_percent is {limit_percent:g})"
    ]


def _entries(count: int) -> str:
    return f"{count} entry" if count == 1 else f"{count} entries"
