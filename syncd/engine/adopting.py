"""What a configuration makes of what the journal knows of those before it: owed reloads, secrets, old entries."""

from collections.abc import Callable
from pathlib import Path

import structlog

from syncd.core.errors import StateError
from syncd.engine import files
from syncd.engine.history.forgetting import forget_sensitive
from syncd.engine.history.trimming import Retention
from syncd.engine.journal import Journal
from syncd.engine.reading import is_file
from syncd.engine.setup import Setup, group_of
from syncd.engine.transaction import forget_backups

_log = structlog.get_logger()


def adopt(setup: Setup, journal: Journal) -> None:
    """Bring the journal in line with the configuration that is in use from now on.

    The workers of what it changes have ended by then.

    Raises:
        StateError: the journal cannot be written.
    """
    _hand_on(setup, journal)
    forget_sensitive(journal, setup.rules, bare_keys(setup))
    trim_history(setup, journal)


def adopt_running(setup: Setup, journal: Journal) -> None:
    """Do so in a daemon at work: what cannot be written now is said, and done by the next start."""
    try:
        adopt(setup, journal)
    except StateError as error:
        _log.error("journal_not_adopted", error=str(error), next="restart syncd once the journal can be written")


def trim_history(setup: Setup, journal: Journal) -> None:
    """Forget what of the history is kept no longer; to be called once a day where nothing changes.

    Raises:
        StateError: the journal cannot be written.
    """
    kept = setup.config.history
    journal.trim_history(Retention(kept.keep, kept.max_age))


def bare_keys(setup: Setup) -> Callable[[str, str], str]:
    """Return what gives the bare key of a pair."""

    def bare_key(name: str, key: str) -> str:
        target = setup.targets.get(name)
        return key if target is None or is_file(target) else target.bare_key(key)

    return bare_key


def _hand_on(setup: Setup, journal: Journal) -> None:
    """Have the groups that hold a file now owe what a group owes that is gone, or no longer holds it.

    What would undo that is forgotten: a probe of later must not put it over what stands there by then.
    """
    here = _groups_by_path(setup)
    able = {name for name, group in setup.groups.items() if group.owes}
    for name in journal.owed():
        steps = journal.unproved(name)
        holders = {here.get(step["path"], name) for step in steps}
        if name in able and holders <= {name}:
            continue
        # Without a probe nobody noted the files: a reload too many harms less than one too few.
        heirs = able & holders if steps else able
        heirs |= able & {name}
        journal.hand_on(name, heirs, f"{name} owed it under a configuration before")
        forget_backups(steps)
        _log.warning("reload_handed_on", reload=name, to=sorted(heirs))


def _groups_by_path(setup: Setup) -> dict[str, str]:
    """Return by the real path of each output the group that writes it, "" for none."""
    return {
        str(files.real(setup.base_dir / Path(one.config.path))): group_of(one) or ""
        for one in setup.targets.values()
        if is_file(one)
    }
