"""From what a pass does to what the history says of it."""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from syncd.core.errors import ReloadError, StateError
from syncd.core.history.model import HistoryOutcome
from syncd.core.model import Entry
from syncd.core.report.lines import obstacles
from syncd.core.report.model import TargetResult
from syncd.engine import current
from syncd.engine.history.table import Happened
from syncd.engine.history.trimming import Retention
from syncd.engine.journal import Journal, Written
from syncd.engine.reading import is_file
from syncd.engine.setup import Setup
from syncd.engine.showing import Planned


def pushed(setup: Setup, one: Planned, refused: Collection[str], error: str | None) -> Happened:
    """Return what a push to a remote target did.

    Args:
        refused: the keys that the target did not take; `error` says why of the first.
    """
    if error is None and one.back_to is not None and one.plan.failing:
        error = "not all of it: " + "; ".join(obstacles(TargetResult(one.plan)))
    changes = tuple(change for change in one.plan.changes if change.key not in refused)
    return replace(_happened(setup, one, "failed" if refused else "applied"), changes=changes, error=error)


def replaced(setup: Setup, journal: Journal, one: Planned) -> Happened:
    """Return what replacing a target's file will have done, once it is in place and checked."""
    change = one.plan.changes[0]
    happened = replace(_happened(setup, one, "applied"), changes=one.plan.changes, before=_before(one))
    # Where both contents are kept the diff is made when somebody asks for it.
    sensitive = change.sensitive or any(entry.sensitive for entry in happened.wanted.values())
    if sensitive or (change.op != "create" and not journal.history.keeps(change.old_digest)):
        return _with_diff(journal, one, happened)
    return happened


def failed(setup: Setup, journal: Journal, ready: Sequence[Planned], error: Exception, words: str | None) -> None:
    """Note that plans could not be carried out: files that a check refused are as they were, and pairs as they may be.

    Args:
        words: the error as it may be shown.
    """
    for one in ready:
        journal.history.doubt(one.target.name)
        if is_file(one.target) and isinstance(error, ReloadError):
            happened = replace(_happened(setup, one, "restored"), changes=one.plan.changes, error=words)
            with contextlib.suppress(StateError):  # that the check refused it is said anyway, and matters more
                journal.tell(_with_diff(journal, one, happened))


def found(setup: Setup, journal: Journal, one: Planned, fresh: Sequence[Written]) -> Happened | None:
    """Return that a target is in sync, None where the history knows that.

    Args:
        fresh: entries that the journal did not know so: those that are sensitive now end what is kept of the target.
    """
    happened = _happened(setup, one, "found")
    known = journal.history.knows(one.target.name)
    if happened.retention.keep == 0:
        return happened if known else None
    return happened if not known or any(entry.sensitive for entry in fresh) else None


def _happened(setup: Setup, one: Planned, outcome: HistoryOutcome) -> Happened:
    kept = setup.config.history
    wanted: Mapping[str, Entry] = one.rendered.desired.entries
    if one.plan.conflicts:
        others = {conflict.key for conflict in one.plan.conflicts}
        wanted = {key: entry for key, entry in wanted.items() if key not in others}
    return Happened(
        target=one.target.name,
        kind=one.target.kind,
        outcome="rolled_back" if outcome == "applied" and one.back_to is not None else outcome,
        consul_index=one.rendered.index,
        retention=Retention(kept.keep, kept.max_age),
        config=setup.fingerprint,
        is_file=is_file(one.target),
        wanted=wanted,
        present=one.present,
        rolled_back_to=one.back_to,
    )


def _before(one: Planned) -> Mapping[str, bytes]:
    present = one.file.present if one.file is not None else None
    return {} if present is None else {one.plan.changes[0].key: present.content}


def _with_diff(journal: Journal, one: Planned, happened: Happened) -> Happened:
    """Return it with the diff of the file, sensitive values masked."""
    if one.plan.diff is not None:
        return replace(happened, diff=one.plan.diff)
    if one.file is None or not is_file(one.target):
        return happened
    written = journal.written(one.target.name).get(one.target.config.path)
    change = one.plan.changes[0]
    bare = replace(one.plan, changes=(replace(change, note=""),))
    shown = current.with_diff(bare, one.target, one.file, written)
    note = shown.changes[0].note
    if note and note not in change.note:
        change = replace(change, note=", ".join(part for part in (change.note, note) if part))
    return replace(happened, diff=shown.diff, changes=(change,))
