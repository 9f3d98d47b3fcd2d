"""What of a plan may be shown: diffs, old and new values, digests that are sealed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from syncd.core.checksum import seal
from syncd.core.errors import TargetError
from syncd.core.model import Entry, Plan
from syncd.core.snapshot import Snapshot
from syncd.engine import current, files
from syncd.engine.journal import Journal
from syncd.engine.reading import Rendered, Target, is_file
from syncd.engine.setup import Setup
from syncd.targets.base import RemoteTarget

_IN_PLACE = (
    "is mounted on its own, so it is written in place, and a reader may see half of it; mount its folder instead"
)


@dataclass(frozen=True, slots=True)
class Planned:
    """One target's plan and all it was made from.

    `file` is a file target's place on disk, `present` what a remote target holds; None where that was not read.
    `back_to` is the entry of the history whose content it puts back.
    """

    target: Target
    plan: Plan
    rendered: Rendered
    file: current.FileState | None = None
    present: Mapping[str, Entry] | None = None
    back_to: int | None = None


async def with_contents(planned: Planned, setup: Setup, journal: Journal, spare: int | None = None) -> Planned:
    """Return the plan with its diff, or with the old and new values that may be shown; a target is asked for those.

    A target that does not answer cannot be planned, and says so in its plan.

    Args:
        spare: so many old values are asked for at most, and only where that delays nothing else; None asks for all.
    """
    target, plan = planned.target, planned.plan
    if is_file(target):
        if planned.file is None:
            return planned
        if files.mounted(planned.file.path):
            plan = replace(plan, warnings=(*plan.warnings, f"{target.config.path}: {_IN_PLACE}"))
        written = journal.written(target.name).get(target.config.path)
        return replace(planned, plan=current.with_diff(plan, target, planned.file, written))
    try:
        return replace(planned, plan=await _with_values(plan, target, spare))
    except TargetError as error:
        return replace(planned, plan=unplannable(setup, planned.rendered, error))


def unplannable(setup: Setup, rendered: Rendered, error: TargetError) -> Plan:
    """Return the plan of a target that cannot be planned."""
    return Plan(
        rendered.target.name,
        rendered.target.kind,
        missing_keys=rendered.desired.missing,
        error=setup.redaction(Snapshot()).clean(str(error)),
        retry_after_s=error.retry_after_s,
    )


async def _with_values(plan: Plan, target: RemoteTarget, spare: int | None) -> Plan:
    """Return the plan with the old and new values that may be shown."""
    ask = [change.key for change in plan.changes if change.op != "create" and not change.sensitive]
    old = await target.values(ask[:spare], spare=spare is not None) if ask else {}
    return replace(
        plan,
        changes=tuple(
            change
            if change.sensitive
            else replace(
                change,
                old=_text(old.get(change.key)),
                new=_text(change.entry.content if change.entry is not None else None),
            )
            for change in plan.changes
        ),
    )


def sealed(plan: Plan, key: bytes | None) -> Plan:
    """Return the plan as it may be published."""
    return replace(
        plan,
        changes=tuple(
            replace(change, old_digest=seal(change.old_digest, key), new_digest=seal(change.new_digest, key))
            if change.sensitive
            else change
            for change in plan.changes
        ),
    )


def _text(content: bytes | None) -> str | None:
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError:
        return None
