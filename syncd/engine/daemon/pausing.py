"""Pauses in the daemon: noticed within a second, said in the status, and rollbacks that were asked for carried out."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from syncd.core.errors import StateError
from syncd.core.report.model import ReloadResult
from syncd.engine.applying import Conditions, Done
from syncd.engine.deadline import Deadline
from syncd.engine.journal import Journal
from syncd.engine.lease import Permit
from syncd.engine.pausing import Pauses, Undo
from syncd.engine.reading import Target
from syncd.engine.redaction import Redaction
from syncd.engine.rolling_back import roll_back
from syncd.engine.setup import Setup

_LOOK_S = 1.0
_WITHIN_S = 60.0
_log = structlog.get_logger()


async def follow_pauses(pauses: Pauses, changed: Callable[[set[str]], None]) -> None:
    """Tell of the targets whose pause came, went or was asked something; "" stands for all targets."""
    before = pauses.marks()
    while True:
        await asyncio.sleep(_LOOK_S)
        now = pauses.marks()
        news = {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}
        before = now
        if news:
            changed(news)


def marked(done: Mapping[str, Done], members: Mapping[str, Target], pauses: Pauses) -> dict[str, Done]:
    """Return what became of targets, with the pause of those that are paused by themselves, whatever became of them."""
    found = dict(done)
    for name, one in done.items():
        if one.outcome != "applied" and (wait := pauses.wait(members[name])) is not None:
            found[name] = replace(one, wait=wait, error=one.error or wait.why)
    return found


async def roll_back_asked(
    setup: Setup, journal: Journal, members: Mapping[str, Target], permit: Permit, redaction: Redaction
) -> tuple[dict[str, Undo], list[ReloadResult]]:
    """Carry out the rollbacks that were asked for, and note what came of them.

    Returns:
        What came of each by target, and the reloads that were run.
    """
    pauses = setup.state.pauses
    undone: dict[str, Undo] = {}
    reloads: list[ReloadResult] = []
    for name, target in members.items():
        pause = pauses.of(name)
        if pause is None or pause.undo is None or pause.undo.state != "asked":
            continue
        conditions = Conditions(Deadline(_WITHIN_S), permit=permit)
        undo, reload = await roll_back(setup, journal, target, pause.undo.to, conditions, redaction)
        undone[name] = undo
        reloads += [reload] if reload is not None else []
        say = _log.info if undo.state == "done" else _log.warning
        say("rolled_back", target=name, to=undo.to, state=undo.state, said=undo.said)
        try:
            if pauses.of(name) == pause:  # else somebody resumed it meanwhile, or asked for something else
                pauses.put(name, replace(pause, undo=undo))
        except StateError as error:
            _log.warning("pause_not_noted", target=name, error=str(error))
    return undone, reloads
