"""The second half of a reload group's pass: the reload that is owed, and the proof that it worked.

Until the probe has passed, the files that stood there before are kept, and the reload is owed: whoever is killed in
between leaves both to the next pass. A probe that fails puts the files back and reloads again.
"""

import asyncio
import random

from syncd.core.errors import ReloadError, TargetError
from syncd.core.report.model import ReloadResult
from syncd.engine.deadline import Deadline
from syncd.engine.groups import ReloadGroup
from syncd.engine.journal import Journal
from syncd.engine.redaction import Redaction
from syncd.engine.transaction import forget_backups, put_back


async def reload_group(
    group: ReloadGroup, journal: Journal, deadline: Deadline, redaction: Redaction, *, checked: bool
) -> ReloadResult | None:
    """Run the reload that a group owes, if any, and return what became of it; never raises for it.

    Args:
        checked: what is in place was checked just now; a reload owed from an earlier pass is checked first.
    """
    if not group.owes or group.name not in journal.owed():
        return None
    if deadline.expired():
        return ReloadResult(group.name, "owed")
    try:
        if not checked and group.check is not None:
            await group.check.run()
        await asyncio.sleep(_jitter_s(group, deadline))
        if group.reload is not None:
            await group.reload.run()
    except ReloadError as error:
        return ReloadResult(group.name, "failed", redaction.clean(str(error)))
    if group.probe is not None:
        try:
            await group.probe.run()
        except ReloadError as error:
            why = redaction.clean(str(error))
            undone = await _undo(group, journal, why)
            return ReloadResult(group.name, "failed", f"{why}; {redaction.clean(undone)}")
    _settle(group, journal)
    return ReloadResult(group.name, "done")


def _jitter_s(group: ReloadGroup, deadline: Deadline) -> float:
    remaining_s = deadline.remaining_s()
    drawn_s = random.uniform(0, group.jitter_s)  # noqa: S311 - spreads load, guards nothing
    return drawn_s if remaining_s is None else min(drawn_s, remaining_s)


async def _undo(group: ReloadGroup, journal: Journal, why: str) -> str:
    """Put back what the probe did not prove, check and reload it; return what was done, in words."""
    try:
        if not put_back(journal, group.name, why):
            return "there is nothing to put back, the reload stays owed"
    except TargetError as error:
        return f"not all files could be put back, the next pass tries again: {error}"
    try:
        if group.check is not None:
            await group.check.run()
        if group.reload is not None:
            await group.reload.run()
    except ReloadError as error:
        return f"the files were put back, their reload is owed: {error}"
    _settle(group, journal)
    return "the files were put back" + (" and reloaded" if group.reload is not None else "")


def _settle(group: ReloadGroup, journal: Journal) -> None:
    steps = journal.unproved(group.name)
    journal.paid(group.name)
    forget_backups(steps)
