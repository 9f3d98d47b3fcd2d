"""The first reading of the source, without which no worker begins."""

import asyncio
from collections.abc import Callable

import structlog

from syncd.core.errors import SyncdError
from syncd.core.model import Need
from syncd.engine.daemon.parts import Parts
from syncd.engine.setup import Setup

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 15.0
_log = structlog.get_logger()


async def first_snapshot(parts: Parts, setup: Callable[[], Setup]) -> None:
    """Wait for the first reading of the source, however long it takes.

    Args:
        setup: gives what is configured now; it may change while we wait.
    """
    pause_s = _FIRST_PAUSE_S
    while True:
        targets = setup().targets
        needs = frozenset[Need]().union(*(target.needs() for target in targets.values()))
        try:
            if parts.stand_in is None:
                await parts.source.read(needs)
            else:
                await parts.stand_in.first(needs)
            break
        except SyncdError as error:
            if parts.stand_in is None or not parts.stand_in.standing_in:
                for name in targets:
                    parts.board.failed(name, str(error), None)
            _log.warning("source_unavailable", error=str(error), wait_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
    parts.crew.reconcile()
