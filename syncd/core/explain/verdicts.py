"""How a target and each part of it stands, and why, in words. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from syncd.core.explain.model import Part, State, Verdict
from syncd.core.model import Change, Entry, Plan

_BY_HAND = "changed by hand after syncd wrote it (drift); the next pass puts it back"
_AT_SOURCE = "its key, the config or a template changed since syncd wrote it; the next pass brings it"
_BOTH = "changed by hand, and what it is made from changed too; the next pass overwrites it"
_UNKNOWN = "differs, and the journal does not know what syncd wrote last; the next pass brings it"
_WORDS: Mapping[State, str] = {"held": "held", "unsafe": "the plan is unsafe and waits for --force"}


@dataclass(frozen=True, slots=True)
class Standing:
    """What a target holds beside what it should hold.

    `written` maps each entry key to its digest as syncd last wrote it, `present` to what is there. `text` is the
    present file where it is text, None for a target behind an API.
    """

    plan: Plan
    wanted: Mapping[str, Entry]
    present: Mapping[str, Entry]
    written: Mapping[str, str]
    owner: str
    policy: str = "sync"
    text: str | None = None


def whole(standing: Standing) -> Verdict:
    """Return how the target stands as a whole; what stands in the way is said by the report's obstacles."""
    plan = standing.plan
    state: State = "in_sync"
    if plan.missing_keys:
        state = "missing"
    elif plan.error or plan.faults:
        state = "fault"
    elif plan.conflicts:
        state = "conflict"
    elif plan.held or plan.unsafe:
        state = "held" if plan.held else "unsafe"
    elif plan.changes:
        ops = {change.op for change in plan.changes}
        state = next(iter(ops)) if len(ops) == 1 else "update"
    return Verdict(state, "; ".join(dict.fromkeys(_reasons(standing))))


def of_file(part: Part, standing: Standing) -> Verdict:
    """Return how one variable of a file stands, or a thing that its template reads."""
    plan = standing.plan
    own = _own_fault(part, "the file is kept as it is")
    if own is not None:
        return own
    if not standing.wanted:
        return Verdict("held" if plan.held else "kept", "the file is not written while something else in it is wrong")
    if plan.conflicts:
        return Verdict("conflict", f"the file {plan.conflicts[0].why}")
    change = next(iter(plan.changes), None)
    if change is None:
        return Verdict("held", plan.held[0]) if plan.held else Verdict("in_sync")
    if part.line is not None and standing.text is not None and change.op == "update":
        if f"\n{part.line}\n" in f"\n{standing.text}\n":
            return Verdict("in_sync", "this line is as it should be; others are not")
        there = re.search(rf"^[ \t]*(?:export[ \t]+)?{re.escape(part.name)}=", standing.text, re.MULTILINE)
        state: State = "update" if there else "create"
        why = cause(change, standing) if there else "the file has no such line yet"
        return _barred(Verdict(state, why), plan)
    return _barred(Verdict(change.op, cause(change, standing)), plan)


def of_pair(part: Part, standing: Standing) -> Verdict:
    """Return how one pair stands, wanted or not."""
    plan, key = standing.plan, part.entry
    found, wanted = standing.present.get(key), standing.wanted.get(key)
    own = _own_fault(part, "the pair that is there is kept" if found is not None else "there is no pair")
    if own is not None:
        return own
    for conflict in plan.conflicts:
        if conflict.key == key:
            return Verdict("conflict", conflict.why)
    for change in plan.changes:
        if change.key == key:
            return _barred(Verdict(change.op, cause(change, standing)), plan)
    if plan.held:
        return Verdict("held", plan.held[0])
    if wanted is not None and (found is None or found.digest != wanted.digest):
        return Verdict("kept", f"differs, and policy {standing.policy} does not allow to change it")
    if wanted is None and found is not None:
        ours = found.owner == standing.owner
        return Verdict(
            "kept",
            f"no longer wanted, and policy {standing.policy} deletes nothing"
            if ours
            else "not wanted here, and not ours: syncd leaves it alone",
        )
    return Verdict("in_sync")


def cause(change: Change, standing: Standing) -> str:
    """Return why an entry is created, updated or deleted."""
    written, found = standing.written.get(change.key), standing.present.get(change.key)
    if change.op == "create":
        return "gone though syncd wrote it; the next pass writes it again" if written else "not there yet"
    if change.op == "delete":
        return "nothing that the config names feeds it any more"
    if change.adopted:
        return change.note
    wanted = standing.wanted[change.key].digest
    if found is not None and found.digest == wanted and (found.owner == standing.owner or change.note):
        return f"{change.note or 'its marks differ'}; the next pass puts it back"
    if found is not None and found.owner is None and written is not None:
        return f"lost its metadata: {_BY_HAND}"
    if written is None or found is None:
        return _UNKNOWN
    by_hand, at_source = found.digest != written, wanted != written
    return _BOTH if by_hand and at_source else _BY_HAND if by_hand else _AT_SOURCE


def _own_fault(part: Part, kept: str) -> Verdict | None:
    if any(one.hidden for one in part.origins):
        return Verdict("held", part.fault or next(one.hidden for one in part.origins if one.hidden))
    if part.fault is not None:
        return Verdict("fault", part.fault)
    if part.missing and part.line is None:
        names = ", ".join(f"'{name}'" for name in part.missing)
        return Verdict("missing", f"{names} has no value and no default; {kept}")
    return None


def _barred(verdict: Verdict, plan: Plan) -> Verdict:
    """Return a pending change's verdict where the plan as a whole may not be carried out."""
    state: State | None = "held" if plan.held else "unsafe" if plan.unsafe else None
    if state is None:
        return verdict
    return Verdict(state, f"{verdict.state} pending, but {_WORDS[state]}: {(plan.held or plan.unsafe)[0]}")


def _reasons(standing: Standing) -> Iterator[str]:
    """Yield why the entries of a target differ; of many pairs each reason once."""
    if standing.text is not None or len(standing.plan.changes) == 1:
        yield from (cause(change, standing) for change in standing.plan.changes)
