"""What the web is told of the running daemon."""

import asyncio
from collections.abc import Callable, Sequence

from syncd.core.history.model import HistoryDetail, HistoryEntry
from syncd.core.model import Plan
from syncd.core.status import Status
from syncd.engine.daemon.crew import Crew
from syncd.engine.journal import Journal
from syncd.engine.setup import Setup
from syncd.engine.showing import Planned, sealed, with_contents

LAST = 20
"""Changes that the page lists."""
_VALUES = 100
"""Old values that a target is asked for at most: one call. Whoever opens the page must not use up the API's limits."""


class Telling:
    """Answers the web's questions.

    Args:
        setup: gives what is configured now.
        plan_key: seals the digests of sensitive values.
    """

    def __init__(
        self,
        setup: Callable[[], Setup],
        journal: Journal,
        crew: Crew,
        status: Callable[[], Status],
        metrics: Callable[[], tuple[bytes, str]],
        plan_key: bytes | None,
    ) -> None:
        self._setup, self._journal, self._crew = setup, journal, crew
        self.status = status
        self.metrics = metrics
        self._plan_key = plan_key
        self._shown: dict[str, tuple[Planned, asyncio.Task[Plan]]] = {}

    async def plan(self, target: str) -> Plan | None:
        """Return the newest plan of a target; a remote one is asked for old values once for each plan, whoever asks.

        Where it cannot spare that, the plan comes without them.
        """
        planned = self._crew.planned(target)
        if planned is None:
            self._shown.pop(target, None)
            return None
        before, filling = self._shown.get(target, (None, None))
        if before is not planned or filling is None or (filling.done() and not _ended_well(filling)):
            filling = asyncio.create_task(self._filled(planned), name=f"plan of {target}")
            self._shown[target] = planned, filling
        return await asyncio.shield(filling)

    async def _filled(self, planned: Planned) -> Plan:
        filled = await with_contents(planned, self._setup(), self._journal, _VALUES)
        return sealed(filled.plan, self._plan_key)

    def history(self) -> Sequence[HistoryEntry]:
        """Return the last changes of all targets, the newest first."""
        return self._journal.history.entries(limit=LAST)

    def change(self, number: int) -> HistoryDetail | None:
        """Return one change, None where it is not kept."""
        return self._journal.history.detail(number)


def _ended_well(task: asyncio.Task[Plan]) -> bool:
    return not task.cancelled() and task.exception() is None
