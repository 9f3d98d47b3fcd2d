"""Opens the journal that a pass works with; what replaces a damaged one, so that a broken disk block stops nothing."""

from pathlib import Path

import structlog

from syncd.engine import files
from syncd.engine.journal import Journal, Written
from syncd.engine.journal_file import Damaged, set_aside
from syncd.engine.reading import is_file
from syncd.engine.setup import Setup, transaction_name
from syncd.engine.transaction import begin_again
from syncd.targets.base import FileTarget

_log = structlog.get_logger()
_REASON = "the journal was lost, and with it what was owed"


def open_journal(setup: Setup) -> Journal:
    """Return the journal for a pass that writes; call it with the state dir's lock held.

    A damaged one is set aside and a new one begun. What it knew is told by the targets: an env file and a pair say
    whose they are, a template's file is ours where it holds what we want. What it owed nobody knows: every reload is
    owed once. Where a backup lies, a transaction may have been under way: it is begun again, to be rolled back.

    Raises:
        StateError: it cannot be used, or was written by a newer syncd.
    """
    path = setup.state.journal
    try:
        return Journal.open(path)
    except Damaged as error:
        why = error.why
    # Whole before it has its name: a kill must not leave one that owes nothing.
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    journal = Journal.open(fresh)
    try:
        undone = _begin(journal, setup)
    finally:
        journal.close()
    aside = set_aside(path, fresh)
    _log.warning("journal_set_aside", file=str(path), kept_as=str(aside), error=why)
    for output in undone:
        _log.warning("backup_found", file=str(output), next="it is put back: what replaced it may not be checked")
    return Journal.open(path)


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
    journal = Journal.snapshot(Path(f"{path}.none"))
    _begin(journal, setup)
    return journal


def _begin(journal: Journal, setup: Setup) -> list[Path]:
    """Fill a new journal with what must be taken for granted; return the files that go back to what was kept of them.

    Such a file is ours, or we would not have replaced it; what was in it may have been a secret.
    """
    journal.owe([name for name, group in setup.groups.items() if group.owes], _REASON)
    members: dict[str, dict[Path, FileTarget]] = {}
    for target in setup.targets.values():
        if is_file(target):
            path = files.real(setup.base_dir / target.config.path)
            members.setdefault(transaction_name(target), {})[path] = target
    undone: list[Path] = []
    for name, targets in members.items():
        for path, digest in begin_again(journal, name, targets, setup.state.backups).items():
            one = targets[path]
            journal.record(one.kind, one.name, wrote=[Written(one.name, one.config.path, digest, sensitive=True)])
            undone.append(path)
    return undone
