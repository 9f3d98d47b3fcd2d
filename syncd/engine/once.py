"""The three one-shot commands: plan, once, apply."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from syncd.core.errors import Refused, SourceUnavailable
from syncd.core.report.model import PassResult
from syncd.engine import planfile
from syncd.engine.adopting import adopt
from syncd.engine.applying import Conditions, apply_pass
from syncd.engine.deadline import Deadline
from syncd.engine.journal import Journal
from syncd.engine.one_writer import one_writer
from syncd.engine.pausing import waits_of
from syncd.engine.planning import PassPlan, plan_pass
from syncd.engine.remembering import open_journal, read_journal
from syncd.engine.setup import Setup
from syncd.engine.transaction import recover
from syncd.engine.waiting import Waits
from syncd.sources.base import Source


async def plan(
    setup: Setup,
    source: Source,
    *,
    selected: Sequence[str],
    deadline: Deadline,
    env: Mapping[str, str],
) -> tuple[PassResult, bytes | None]:
    """Return what `once` would change, and the key that its sensitive digests are sealed with; writes nothing.

    Raises:
        SyncdError: as contract.md §1; nothing was changed.
    """
    journal = read_journal(setup)
    try:
        key = setup.state.plan_key(env)
        found = await planned(setup, source, journal, selected, deadline, key)
        return _with_waits(found, waits_of(setup.state.pauses)), key
    finally:
        journal.close()


async def once(
    setup: Setup,
    source: Source,
    *,
    selected: Sequence[str],
    conditions: Conditions,
    env: Mapping[str, str],
    command: str = "once",
    saved: planfile.SavedPlan | None = None,
    recovered: Callable[[list[str]], None] = lambda _groups: None,
) -> PassResult:
    """Carry out one pass and return what became of every target.

    Args:
        saved: carry out exactly this plan, or nothing.
        recovered: told which groups a killed pass left and were rolled back.

    Raises:
        SyncdError: as contract.md §1; nothing was changed.
    """
    with setup.state.locked(command):
        journal = open_journal(setup)
        try:
            groups = recover(journal, setup.outputs, setup.state.backups)
            if groups:
                recovered(groups)
            adopt(setup, journal)
            key = setup.state.plan_key(env, make=True)
            journal.history.seal_with(key)
            async with one_writer(setup, selected, conditions.deadline, command) as permit:
                found = await planned(setup, source, journal, selected, conditions.deadline, key)
                if saved is not None:
                    planfile.verify(saved, found.result, key, force=conditions.force)
                waits = waits_of(setup.state.pauses, conditions.waits)
                return await apply_pass(setup, journal, found, replace(conditions, permit=permit, waits=waits))
        finally:
            journal.close()


def _with_waits(found: PassPlan, wait_of: Waits) -> PassResult:
    """Return the plans, with a warning in those that would not be carried out now."""
    waits = {one.target.name: wait_of(one.target) for one in found.planned if one.plan.changes}
    said = {name: (wait.why,) for name, wait in waits.items() if wait is not None}
    return replace(
        found.result,
        targets=tuple(
            replace(one, plan=replace(one.plan, warnings=one.plan.warnings + said.get(one.plan.target, ())))
            for one in found.result.targets
        ),
    )


async def planned(
    setup: Setup, source: Source, journal: Journal, selected: Sequence[str], deadline: Deadline, key: bytes | None
) -> PassPlan:
    """Return the plans of the selected targets, made before the deadline.

    Raises:
        SyncdError: as `plan_pass`; nothing could be planned in time.
    """
    try:
        async with asyncio.timeout(deadline.remaining_s()):
            return await plan_pass(setup, source, journal, selected, key, within_s=deadline.wait_s())
    except TimeoutError as error:
        if deadline.stopped:
            raise Refused("stopped before anything was changed") from error
        raise SourceUnavailable(
            f"nothing could be planned within {deadline.timeout_s:g} s; give a longer --timeout, "
            "or see which of Consul and the targets is slow"
        ) from error
