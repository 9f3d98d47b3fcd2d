"""Opens the journal that a pass works with; what replaces a damaged one, so that a broken disk block stops nothing."""

from pathlib import Path

import structlog

from syncd.engine.journal import Journal
from syncd.engine.journal_file import Damaged, set_aside
from syncd.engine.setup import Setup

_log = structlog.get_logger()
_REASON = "the journal was lost, and with it what was owed"


def open_journal(setup: Setup) -> Journal:
    """Return the journal for a pass that writes; call it with the state dir's lock held.

    A damaged one is set aside and a new one begun. What it knew is told by the targets: an env file and a pair say
    whose they are, a template's file is ours where it holds what we want. What it owed nobody knows: every reload is
    owed once.

    Raises:
        StateError: it cannot be used, or was written by a newer syncd.
    """
    path = setup.state.journal
    try:
        return Journal.open(path)
    except Damaged as error:
        aside = set_aside(path)
        _log.warning("journal_set_aside", file=str(path), kept_as=str(aside), error=error.why)
    return _begun(Journal.open(path), setup)


def read_journal(setup: Setup) -> Journal:
    """Return a copy of the journal for a dry run; in place of a damaged one what `open_journal` would begin.

    Raises:
        StateError: as `open_journal`.
    """
    path = setup.state.journal
    try:
        return Journal.snapshot(path)
    except Damaged as error:
        _log.warning("journal_damaged", file=str(path), error=error.why, next="run, once or apply sets it aside")
    return _begun(Journal.snapshot(Path(f"{path}.none")), setup)


def _begun(journal: Journal, setup: Setup) -> Journal:
    journal.owe([name for name, group in setup.groups.items() if group.owes], _REASON)
    return journal
