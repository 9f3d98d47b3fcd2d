"""One pass up to the plan: read, render, compare, filter. Changes nothing; the dry run is this and no more."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from syncd.core.checksum import plan_checksum
from syncd.core.diff import diff
from syncd.core.errors import SourceDenied, TargetError
from syncd.core.model import Change, Desired, Entry, Plan
from syncd.core.report.model import Orphan, PassResult, ReloadResult, TargetResult
from syncd.core.safety import by_limits, by_policy
from syncd.core.snapshot import Snapshot
from syncd.engine import current
from syncd.engine.guard import guarded
from syncd.engine.journal import Journal
from syncd.engine.reading import Rendered, Target, is_file, read_and_render
from syncd.engine.setup import Setup, group_of, is_file_kind
from syncd.engine.showing import Planned, sealed, unplannable, with_contents
from syncd.engine.transaction import interrupted
from syncd.sources.base import Source
from syncd.targets.base import FileTarget, RemoteTarget


@dataclass(frozen=True, slots=True)
class PassPlan:
    """The plans of one pass, in config order, and what is shown of them."""

    planned: tuple[Planned, ...]
    snapshot: Snapshot
    result: PassResult


async def plan_pass(
    setup: Setup,
    source: Source,
    journal: Journal,
    selected: Sequence[str],
    plan_key: bytes | None,
    *,
    within_s: float,
) -> PassPlan:
    """Return the plan of every selected target; one that cannot be planned says so in its plan.

    Args:
        selected: names of targets, empty for all.
        plan_key: seals the digests of sensitive values; None shows none of them.
        within_s: remote targets begin no wait that would end later.

    Raises:
        SourceUnavailable, SourceDenied: nothing could be read.
        UsageError: a selected target does not exist.
    """
    targets = setup.select(selected)
    snapshot, rendered = await read_and_render(source, targets)
    if rendered and not snapshot.items and all(one.hidden is not None for one in rendered):
        raise SourceDenied(
            f"the token may not read any needed key, such as '{rendered[0].hidden}'; give it key read rights"
        )
    left_over = interrupted(journal)

    async def planned_and_shown(one: Rendered) -> Planned:
        planned = await plan_target(setup, source, journal, one, left_over=left_over, within_s=within_s)
        return await with_contents(planned, setup, journal)

    planned = await asyncio.gather(*map(planned_and_shown, rendered))
    shown = tuple(sealed(one.plan, plan_key) for one in planned)
    templates = {path: digest for one in rendered for path, digest in one.desired.templates.items()}
    result = PassResult(
        owner=setup.config.owner,
        consul_index=snapshot.index,
        checksum=plan_checksum(shown, fingerprint=setup.fingerprint, templates=templates),
        targets=tuple(TargetResult(plan) for plan in shown),
        reloads=tuple(ReloadResult(name, "owed") for name in _owed(setup, journal, targets)),
        orphans=_orphans(setup, journal),
        selected=tuple(selected),
    )
    return PassPlan(tuple(planned), snapshot, result)


async def plan_target(
    setup: Setup,
    source: Source,
    journal: Journal,
    rendered: Rendered,
    *,
    left_over: Mapping[str, Path | None],
    within_s: float,
    present: Mapping[str, Entry] | None = None,
) -> Planned:
    """Return the plan of one target; one that cannot be planned says so in its plan.

    Args:
        left_over: files that a killed pass left, and where their old content is.
        within_s: a remote target begins no wait that would end later.
        present: what a remote target is known to hold; None reads it.
    """
    target = rendered.target
    before = journal.inputs(target.name)
    if rendered.inputs == before:
        rendered = replace(rendered, inputs=before)  # the same object: to compare it again costs nothing
    file: current.FileState | None = None
    try:
        if is_file(target):
            plan, file = plan_file(setup, journal, target, rendered.desired, left_over)
        else:
            if present is None and rendered.hidden is None and rendered.desired.error is None:
                present = await read_present(target, rendered.desired, within_s / 2)
            plan = plan_remote(setup, journal, target, rendered, present or {})
        plan = await _filtered(plan, setup, source, journal, rendered)
    except TargetError as error:
        plan = unplannable(setup, rendered, error)
    return Planned(target, plan, rendered, file, present)


async def _filtered(plan: Plan, setup: Setup, source: Source, journal: Journal, rendered: Rendered) -> Plan:
    """Return the plan after limits and vanish guard, with what the rendering warns of."""
    target = rendered.target
    if rendered.warning is not None:
        plan = replace(plan, warnings=(*plan.warnings, rendered.warning))
    limits = setup.config.limits.overridden(target.config.limits)
    return await guarded(
        by_limits(plan, limits),
        rendered,
        journal.inputs(target.name),
        source,
        layer=setup.rules.layer,
        allow_empty=limits.allow_empty,
    )


async def read_present(target: RemoteTarget, desired: Desired, within_s: float) -> Mapping[str, Entry]:
    """Return what a remote target holds; one that is dead must leave the others half of the time that is left."""
    try:
        async with asyncio.timeout(within_s):
            return await target.read(desired, within_s=within_s)
    except TimeoutError as error:
        raise TargetError(f"did not answer within {within_s:g} s; check base_url and the network to it") from error


def plan_file(
    setup: Setup,
    journal: Journal,
    target: FileTarget,
    desired: Desired,
    left_over: Mapping[str, Path | None],
) -> tuple[Plan, current.FileState]:
    """Return the plan of a file target before limits and guard, and what is known of its file.

    Raises:
        TargetError: what is there cannot be read.
    """
    config = setup.config
    state = current.look(target, desired, setup.base_dir, left_over)
    written = journal.written(target.name).get(target.config.path)
    entry = current.current_entry(target, state, written, owner=config.owner, owner_was=tuple(config.owner_was))
    present = {} if entry is None else {entry.key: entry}
    plan = diff(target.name, target.kind, state.desired, present, owner=config.owner, adopt=target.config.adopt)
    # A file is never removed: one that cannot be rendered stays as it is.
    plan = by_policy(plan, "upsert-only")
    return plan, state


def plan_remote(
    setup: Setup, journal: Journal, target: RemoteTarget, rendered: Rendered, present: Mapping[str, Entry]
) -> Plan:
    """Return the plan of a remote target before limits and guard."""
    if rendered.hidden is not None or rendered.desired.error is not None:
        # Nothing can be changed; what the target holds was not read for that.
        return Plan(target.name, target.kind, error=rendered.desired.error)
    known = journal.written(target.name)
    owner = setup.config.owner
    claimed = {
        key: _ours(entry, owner) if entry.owner is None and key in known else entry for key, entry in present.items()
    }
    plan = diff(target.name, target.kind, rendered.desired, claimed, owner=owner, adopt=target.config.adopt)
    plan = by_policy(plan, target.policy)
    return replace(plan, changes=tuple(_marked(change, target, setup) for change in plan.changes))


def _ours(entry: Entry, owner: str) -> Entry:
    """Return an entry that the journal says is ours: it lost its metadata, which is drift whatever it holds."""
    return replace(entry, owner=owner, digest="")


def _marked(change: Change, target: RemoteTarget, setup: Setup) -> Change:
    key = target.bare_key(change.key)
    return change if change.sensitive or not setup.rules.is_sensitive(key) else replace(change, sensitive=True)


def _owed(setup: Setup, journal: Journal, targets: Sequence[Target]) -> list[str]:
    """Return the reloads that are owed and that the selected targets take part in."""
    groups = {group_of(target) for target in targets}
    return sorted(
        name for name in journal.owed() if name in groups and name in setup.groups and setup.groups[name].owes
    )


def _orphans(setup: Setup, journal: Journal) -> tuple[Orphan, ...]:
    """Return what targets hold that left the config, or whose file moved."""
    found: list[Orphan] = []
    wanted = {target.config.path for target in setup.targets.values() if is_file(target)}
    for name, kind in journal.targets().items():
        target = setup.targets.get(name)
        entries = journal.written(name)
        if is_file_kind(kind):
            # Its file moved, or the target left the config; one that is gone, or another target's now, is settled.
            left = [key for key in sorted(entries) if key not in wanted and (setup.base_dir / key).exists()]
            found += [Orphan(name, kind, key) for key in left]
        elif entries and (target is None or target.kind != kind):
            found.append(Orphan(name, kind, "1 entry" if len(entries) == 1 else f"{len(entries)} entries"))
    return tuple(found)
