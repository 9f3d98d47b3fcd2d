"""A rollback that is asked of the daemon which has the state dir: it reads that beside the pause, and answers there."""

import asyncio

from syncd.core.errors import Refused, StateError, UsageError
from syncd.core.history.model import HistoryEntry
from syncd.engine.deadline import Deadline
from syncd.engine.journal import Journal
from syncd.engine.pausing import Pauses, Undo
from syncd.engine.statedir import InUse, StateDir

_DAEMON = "syncd run "
_ASK_S = 0.05


def entry_of(journal: Journal, name: str, to: int) -> HistoryEntry:
    """Return an entry of a target's history.

    Raises:
        UsageError: there is none of that number, or it is another target's.
    """
    found = journal.history.detail(to)
    if found is None or found.entry.target != name:
        own = [str(one.id) for one in journal.history.entries((name,), 5)]
        has = f"it has {', '.join(own)}" if own else "it has none"
        raise UsageError(f"--to {to}: the history of {name} has no such entry; {has}: syncd history")
    return found.entry


def daemon_of(error: InUse) -> str:
    """Return the daemon that has the state dir, such as `syncd run (pid 1)`.

    Raises:
        InUse: another command has it.
    """
    if not error.holder.startswith(_DAEMON):
        raise error
    return error.holder


async def ask(state: StateDir, holder: str, name: str, to: int, why: str, deadline: Deadline) -> Undo:
    """Pause a target and have the daemon roll it back; return what came of it.

    Raises:
        Refused: somebody asked for something else meanwhile.
        StateError: the state dir cannot be written, or the daemon did nothing in time.
    """
    state.pauses.put(name, state.pauses.for_undo(name, why, to))
    try:
        async with asyncio.timeout(deadline.remaining_s()):
            return await _answer(state.pauses, name, to)
    except TimeoutError as error:
        raise StateError(
            f"{name} is paused, and {holder} has not rolled it back within {deadline.timeout_s:g} s; it still will: "
            f"see `syncd status`, or let it be with `syncd resume {name}`"
        ) from error


async def ask_without_config(state: StateDir, name: str, to: int, why: str, deadline: Deadline) -> Undo | None:
    """Ask the daemon as `ask` does, where the config file cannot be loaded; None where no daemon has the state dir.

    Raises:
        UsageError: the history has no such entry of this target.
        Refused, StateError: as `ask`; or another command has the state dir.
    """
    try:
        with state.locked("rollback"):
            return None
    except InUse as error:
        holder = daemon_of(error)
    journal = Journal.snapshot(state.journal)
    try:
        entry_of(journal, name, to)
    finally:
        journal.close()
    return await ask(state, holder, name, to, why, deadline)


async def _answer(pauses: Pauses, name: str, to: int) -> Undo:
    """Return what the daemon says of a rollback that it was asked for."""
    while True:
        pause = pauses.of(name)
        if pause is None or pause.undo is None or pause.undo.to != to:
            raise Refused(f"{name}: somebody resumed it, or asked for another rollback, before this one was done")
        if pause.undo.state != "asked":
            return pause.undo
        await asyncio.sleep(_ASK_S)
