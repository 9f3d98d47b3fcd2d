"""One pass from the plan on: transactions, pushes, reloads, journal. What a dry run leaves out."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import structlog

from syncd.core.errors import Fenced, ReloadError, StateError, SyncdError, TargetError
from syncd.core.model import Change, Plan
from syncd.core.report.model import Outcome, PassResult, ReloadResult, TargetResult
from syncd.engine import files
from syncd.engine.deadline import Deadline
from syncd.engine.history import recording
from syncd.engine.journal import Journal, Written
from syncd.engine.lease import Permit
from syncd.engine.planning import PassPlan
from syncd.engine.reading import is_file
from syncd.engine.redaction import Redaction
from syncd.engine.reloading import reload_group
from syncd.engine.setup import Setup, group_of, transaction_name
from syncd.engine.showing import Planned
from syncd.engine.transaction import Replacement, replace_files, unstick
from syncd.engine.waiting import Wait, Waits, no_wait
from syncd.targets.base import Progress, RemoteTarget

T = TypeVar("T")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under which a plan is carried out.

    `force` carries out unsafe plans too; `permit` is the right to write remote targets; `progress` gives a target's
    reporter; `waits` says which targets are not to be changed now.
    """

    deadline: Deadline
    force: bool = False
    permit: Permit = field(default_factory=Permit)
    progress: Callable[[str], Progress] = lambda _target: lambda _done, _total: None
    waits: Waits = no_wait


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one target."""

    outcome: Outcome
    error: str | None = None
    retry_after_s: float | None = None
    touched: bool = False
    """True where its changes were carried out, all of them if there is no `error`."""
    wait: Wait | None = None
    """Set where its changes were not to be carried out now; its outcome is then `skipped`."""
    restored: bool = False
    """True where the check refused the files of its group, and all of them are as they were."""
    refused: frozenset[str] = frozenset()
    """Of the changes that were carried out, the keys of those that the target did not take."""


async def apply_pass(setup: Setup, journal: Journal, pass_plan: PassPlan, conditions: Conditions) -> PassResult:
    """Carry out a pass's plans and return what became of each target and reload.

    Targets do not wait for each other; those of one reload group are one transaction. Never raises for a target.
    """
    redaction = setup.redaction(pass_plan.snapshot)
    groups = _grouped(pass_plan.planned)
    results = await _all([apply_group(setup, journal, name, one, conditions, redaction) for name, one in groups])
    done: dict[str, Done] = {}
    reloads: list[ReloadResult] = []
    for outcomes, reload in results:
        done.update(outcomes)
        reloads += [reload] if reload is not None else []
    shown = pass_plan.result
    return replace(
        shown,
        targets=tuple(_result(one.plan, done[one.plan.target]) for one in shown.targets),
        reloads=tuple(reloads),
    )


def _result(plan: Plan, done: Done) -> TargetResult:
    return TargetResult(plan, done.outcome, done.error, waits=done.wait is not None)


async def _all(works: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Return what all the works give; where one is cancelled all are, and each is waited for to its end."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _grouped(planned: Sequence[Planned]) -> list[tuple[str | None, list[Planned]]]:
    """Return the reload groups, and each target without one by itself."""
    alone = [(None, [one]) for one in planned if group_of(one.target) is None]
    shared = sorted((one for one in planned if group_of(one.target)), key=lambda one: group_of(one.target) or "")
    return alone + [(name, list(members)) for name, members in groupby(shared, key=lambda one: group_of(one.target))]


async def apply_group(
    setup: Setup,
    journal: Journal,
    name: str | None,
    members: Sequence[Planned],
    conditions: Conditions,
    redaction: Redaction,
) -> tuple[dict[str, Done], ReloadResult | None]:
    """Carry out the plans of one reload group (or of one target without one) and what it owes; never raises for them.

    Returns:
        What became of each target by name, and of the group's reload, None where none was due.
    """
    done: dict[str, Done] = {}
    ready: list[Planned] = []
    for one in members:
        verdict = _verdict(one, conditions)
        if verdict is None:
            ready.append(one)
        else:
            done[one.target.name] = _noted(setup, journal, one, verdict, redaction)
    swapped = False
    try:
        if is_file(members[0].target):
            unstick(journal, transaction_name(members[0].target), _outputs(setup, members))
        if ready and not is_file(ready[0].target):
            done.update(await _push(setup, journal, ready[0].target, ready[0], conditions, redaction))
        elif ready:
            await _swap(journal, name, ready, setup)
            swapped = True
            done.update({one.target.name: Done(_after(one), touched=True) for one in ready})
    except Exception as error:
        failed = _failure(error, redaction)
        recording.failed(setup, journal, ready, error, failed.error)
        done.update({one.target.name: failed for one in ready or members})
    if name is None:
        return done, None
    try:
        reload = await reload_group(setup.groups[name], journal, conditions.deadline, redaction, checked=swapped)
        owed = name in journal.owed()
    except StateError as error:
        reload, owed = ReloadResult(name, "failed", f"{error}; the reload is owed and will run (again)"), True
    if reload is not None and reload.state == "failed":
        done.update({one.target.name: _blamed(done[one.target.name], reload, owed) for one in members})
    return done, reload


def _outputs(setup: Setup, members: Sequence[Planned]) -> list[Path]:
    """Return where the files of these targets really are, as the steps of a transaction name them."""
    return [files.real(setup.base_dir / one.target.config.path) for one in members if is_file(one.target)]


def _noted(setup: Setup, journal: Journal, one: Planned, verdict: Done, redaction: Redaction) -> Done:
    """Return the verdict, once the journal knows what an entry that needs no change was made from."""
    try:
        if verdict.outcome == "in_sync":
            _remember_inputs(setup, journal, one)
    except StateError as error:
        return _failure(error, redaction)
    return verdict


def _failure(error: Exception, redaction: Redaction) -> Done:
    """Return what an error makes of the targets it concerns; one of ours must not take the others down."""
    if not isinstance(error, SyncdError):
        _log.error("internal_error", exc_info=error)
        return Done("failed", f"internal error ({type(error).__name__}); the log says where, please report it")
    outcome: Outcome = "skipped" if isinstance(error, Fenced) else "failed"
    untouched = "all files of the group are as they were: " if isinstance(error, ReloadError) else ""
    said = redaction.clean(f"{untouched}{error}")
    return Done(outcome, said, getattr(error, "retry_after_s", None), restored=isinstance(error, ReloadError))


def _verdict(one: Planned, conditions: Conditions) -> Done | None:
    """Return what becomes of a target without touching it, None where its plan is to be carried out."""
    plan = one.plan
    if plan.held:
        return Done("failed" if plan.failing else "held")
    if plan.unsafe and not conditions.force:
        return Done("failed" if plan.failing else "unsafe")
    if plan.error or not plan.changes:
        return Done("failed" if plan.failing else "in_sync")
    if (wait := conditions.waits(one.target)) is not None:
        return Done("skipped", wait.why, wait=wait)
    if conditions.deadline.expired():
        return Done("skipped", "not started: the time given by --timeout was over, or syncd was told to stop")
    if not is_file(one.target):
        try:
            conditions.permit.check()
        except Fenced as error:
            return Done("skipped", str(error))
    return None


def _after(one: Planned) -> Outcome:
    return "failed" if one.plan.failing else "applied"


def _blamed(before: Done, reload: ReloadResult, owed: bool) -> Done:
    """Return a member's outcome after the reload of its group failed; its own error comes first.

    A reload that is not owed any more had its files put back.
    """
    if before.outcome in ("failed", "held", "unsafe", "skipped"):
        return before
    return Done("failed", reload.error, touched=before.touched and owed)


async def _swap(journal: Journal, name: str | None, ready: Sequence[Planned], setup: Setup) -> None:
    group = setup.groups[name] if name is not None else None
    replacements = [found for one in ready if (found := _replacement(setup, journal, one)) is not None]
    await replace_files(
        journal,
        transaction_name(ready[0].target),
        replacements,
        check=group.check.run if group is not None and group.check is not None else None,
        owe=name if group is not None and group.owes else None,
        backups=setup.state.backups,
        prove=group is not None and group.probe is not None,
    )


def _replacement(setup: Setup, journal: Journal, one: Planned) -> Replacement | None:
    state = one.file
    if state is None or state.wanted is None:
        return None
    change = one.plan.changes[0]
    return Replacement(
        wanted=state.wanted,
        present=state.present,
        kind=one.target.kind,
        written=_written(one, change, state.desired.masked),
        inputs=one.rendered.inputs,
        happened=recording.replaced(setup, journal, one),
    )


def _written(one: Planned, change: Change, masked: str | None = None) -> Written:
    sensitive = change.entry is not None and change.entry.sensitive
    return Written(one.target.name, change.key, change.new_digest or "", sensitive, masked if sensitive else None)


def _remember_inputs(setup: Setup, journal: Journal, one: Planned) -> None:
    """Remember what an entry that needs no change was made from, where that is news."""
    name, inputs = one.target.name, one.rendered.inputs
    entries = (one.file.desired if one.file is not None else one.rendered.desired).entries.values()
    known = journal.written(name)
    masked = one.file.desired.masked if one.file is not None else None
    wrote = (
        Written(name, entry.key, entry.digest, entry.sensitive, masked if entry.sensitive else None)
        for entry in entries
    )
    fresh = [entry for entry in wrote if known.get(entry.key) != entry]
    happened = recording.found(setup, journal, one, fresh)
    if fresh or happened is not None or journal.inputs(name) != inputs:
        journal.record(one.target.kind, name, inputs=inputs, wrote=fresh, happened=happened)


async def _push(
    setup: Setup, journal: Journal, target: RemoteTarget, one: Planned, conditions: Conditions, redaction: Redaction
) -> dict[str, Done]:
    changes = one.plan.changes
    try:
        async with asyncio.timeout(conditions.deadline.remaining_s()):
            with conditions.permit.sending(target.name):
                failed: Mapping[str, str] = await target.apply(
                    changes,
                    conditions.progress(target.name),
                    within_s=conditions.deadline.wait_s(),
                    fence=conditions.permit.check,
                )
    except TimeoutError as error:
        raise TargetError(f"{target.name}: the push took longer than --timeout; run again to finish it") from error
    applied = [change for change in changes if change.key not in failed]
    words: str | None = None
    if failed:
        key, why = next(iter(failed.items()))
        more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
        words = redaction.clean(f"{key}: {why}{more}")
    journal.record(
        target.kind,
        target.name,
        inputs=None if failed else one.rendered.inputs,
        wrote=[_written(one, change) for change in applied if change.op != "delete"],
        dropped=[change.key for change in applied if change.op == "delete"],
        happened=recording.pushed(setup, one, failed, words),
    )
    outcome = "failed" if failed else _after(one)
    return {target.name: Done(outcome, words, touched=True, refused=frozenset(failed))}
