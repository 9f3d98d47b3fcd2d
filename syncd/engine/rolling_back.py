"""Putting back what a target held: a pass like any other, whose desired content comes from the history."""

from collections.abc import Mapping
from dataclasses import replace

from syncd.core.digest import sha256_hex
from syncd.core.errors import Refused, SyncdError, UsageError
from syncd.core.history.model import HistoryEntry
from syncd.core.model import OPS, Desired, Entry, Plan
from syncd.core.report.lines import DONE, obstacles
from syncd.core.report.model import ReloadResult, TargetResult
from syncd.core.snapshot import Snapshot
from syncd.engine.adopting import adopt
from syncd.engine.applying import Conditions, apply_group
from syncd.engine.asking import ask, daemon_of, entry_of
from syncd.engine.deadline import Deadline
from syncd.engine.history.contents import Kept
from syncd.engine.history.forgetting import hide_sensitive
from syncd.engine.journal import Journal
from syncd.engine.one_writer import one_writer
from syncd.engine.pausing import HELD_ALREADY, Undo, UndoState
from syncd.engine.planning import plan_file, plan_remote, read_present
from syncd.engine.reading import Rendered, Target, is_file
from syncd.engine.redaction import Redaction
from syncd.engine.remembering import open_journal, read_journal
from syncd.engine.setup import Setup, group_of
from syncd.engine.showing import Planned
from syncd.engine.statedir import InUse
from syncd.engine.transaction import interrupted, recover
from syncd.targets.base import RemoteTarget


def possible(journal: Journal, target: Target, to: int, setup: Setup) -> HistoryEntry:
    """Return the entry that a target can be rolled back to.

    Raises:
        UsageError: the history has no such entry of this target.
        Refused: what it held then is not kept.
    """
    entry = entry_of(journal, target.name, to)
    why = entry.why_no_way_back
    content = journal.history.content(target.name, to)
    if why is None and entry.kind != target.kind:
        why = f"it was of kind {entry.kind} then"
    if why is None and is_file(target) and len(content) != 1:
        why = "what it held then is not known"
    if why is None and not is_file(target):
        why = _why_not_pairs(target, content, setup)
    if why is not None:
        raise Refused(f"{target.name} cannot be rolled back to {to}: {why}; nothing was touched")
    return entry


def _why_not_pairs(target: RemoteTarget, content: Mapping[str, Kept], setup: Setup) -> str | None:
    if not content:
        return "it held no entry then, or none that is known"
    hidden = next((key for key in content if setup.rules.is_sensitive(target.bare_key(key))), None)
    return None if hidden is None else f"'{hidden}' is sensitive now"


async def roll_back(
    setup: Setup, journal: Journal, target: Target, to: int, conditions: Conditions, redaction: Redaction
) -> tuple[Undo, ReloadResult | None]:
    """Put back what a target held after an entry of the history, with its group's check, reload and probe.

    Limits and vanish guard do not count: it is known exactly what comes back. Needs no source. Where it fails files are
    as they were. Returns what came of it, and of its group's reload; never raises for the target.
    """
    try:
        entry = possible(journal, target, to, setup)
        planned = await _planned(setup, journal, target, entry, conditions.deadline)
    except SyncdError as error:
        state: UndoState = "refused" if isinstance(error, Refused | UsageError) else "failed"
        return Undo(to, state, redaction.clean(str(error))), None
    done, reload = await apply_group(
        setup, journal, group_of(target), [planned], replace(conditions, force=True), redaction
    )
    result = done[target.name]
    if result.outcome == "in_sync":
        return Undo(to, "done", HELD_ALREADY), reload
    if result.outcome == "applied":
        return Undo(to, "done", _counts(planned.plan)), reload
    said = "; ".join(obstacles(TargetResult(planned.plan, result.outcome, result.error)))
    carried_out = [change for change in planned.plan.changes if change.key not in result.refused]
    if result.touched and carried_out and not is_file(target):
        said = f"{_counts(replace(planned.plan, changes=tuple(carried_out)))}; not done: {said}"
    return Undo(to, "failed", said), reload


async def _planned(setup: Setup, journal: Journal, target: Target, entry: HistoryEntry, deadline: Deadline) -> Planned:
    content = journal.history.content(target.name, entry.id)
    inputs = journal.inputs(target.name)
    if is_file(target):
        (kept,) = content.values()
        key = target.config.path
        wanted = {key: Entry(key, sha256_hex(kept.content), kept.content, mode=kept.mode)}
        desired = Desired(wanted)
        plan, file = plan_file(setup, journal, target, desired, interrupted(journal))
        rendered = Rendered(target, desired, frozenset(), inputs, index=entry.consul_index)
        return Planned(target, plan, rendered, file, back_to=entry.id)
    wanted = {key: Entry(key, kept.digest, kept.content) for key, kept in content.items()}
    present = await read_present(target, Desired(wanted), deadline.wait_s())
    # What the history does not know of, or does not know to have been made since, is nobody's to delete here.
    made = journal.history.created_since(target.name, entry.id) & journal.history.held(target.name).keys()
    protect = frozenset(present) - made
    desired = Desired(wanted, protect=protect)
    rendered = Rendered(target, desired, frozenset(), inputs, index=entry.consul_index)
    return Planned(target, plan_remote(setup, journal, target, rendered, present), rendered, None, present, entry.id)


def _counts(plan: Plan) -> str:
    return ", ".join(f"{plan.count(op)} {DONE[op]}" for op in OPS if plan.count(op))


async def roll_back_alone(
    setup: Setup, name: str, to: int, why: str, deadline: Deadline, env: Mapping[str, str]
) -> Undo:
    """Pause a target and roll it back; no daemon has the state dir.

    Raises:
        InUse: somebody has the state dir.
        Refused, UsageError: as `possible`; nothing was touched.
        StateError: the state dir or the journal cannot be used.
    """
    target = setup.targets[name]
    pauses = setup.state.pauses
    with setup.state.locked("rollback"):
        journal = open_journal(setup)
        try:
            recover(journal, setup.outputs, setup.state.backups)
            adopt(setup, journal)
            journal.history.seal_with(setup.state.plan_key(env, make=True))
            possible(journal, target, to, setup)
            async with one_writer(setup, [name], deadline, "rollback") as permit:
                pause = pauses.for_undo(name, why, to)
                pauses.put(name, pause)
                conditions = Conditions(deadline, permit=permit)
                undo, _ = await roll_back(
                    setup, journal, target, to, conditions, _Brief(Snapshot(), setup.credentials.values)
                )
                pauses.put(name, replace(pause, undo=undo))
                return undo
        finally:
            journal.close()


async def roll_back_or_ask(
    setup: Setup, name: str, to: int, why: str, deadline: Deadline, env: Mapping[str, str]
) -> Undo:
    """Pause a target and roll it back, or have the daemon do so that has the state dir; return what came of it.

    Raises:
        UsageError: there is no such target, or no such entry.
        Refused: it cannot be rolled back to that; nothing was touched.
        StateError: the state dir cannot be used, or the daemon did nothing in time.
    """
    setup.select([name])
    try:
        return await roll_back_alone(setup, name, to, why, deadline, env)
    except InUse as error:
        holder = daemon_of(error)
    check_possible(setup, name, to)
    return await ask(setup.state, holder, name, to, why, deadline)


def check_possible(setup: Setup, name: str, to: int) -> None:
    """Look whether a target can be rolled back to an entry; writes nothing.

    Raises:
        Refused, UsageError: as `possible`.
    """
    journal = read_journal(setup)
    try:
        hide_sensitive(journal, setup.config)
        possible(journal, setup.targets[name], to, setup)
    finally:
        journal.close()


class _Brief(Redaction):
    """Leaves out what checks and reloads said: without the source nobody knows which of it is a secret."""

    def clean(self, text: str) -> str:
        """Return the first line, with credentials replaced."""
        first, *rest = text.splitlines() or [""]
        return super().clean(first) + (" (its output is not shown: it may hold secrets)" if rest else "")
