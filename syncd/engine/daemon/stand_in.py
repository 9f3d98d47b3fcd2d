"""The source that the workers see: the live one, and until its first answer the last known good in its place."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog

from syncd.core.errors import SourceUnavailable
from syncd.core.model import Need, Presence
from syncd.core.snapshot import Snapshot
from syncd.core.status import SourceStatus
from syncd.engine.daemon.last_good import Kept, LastGood
from syncd.engine.daemon.sources import RunningSource

QUIET_S, LONGEST_S = 0.5, 5.0
"""The last known good is saved when nothing changed for so long, at the latest so long after a change."""
_AGAIN_S = 1.0
_AWAY = "Consul has not answered since the start"
_log = structlog.get_logger()


class StandIn:
    """A source that can be stood in for, and that keeps what it holds for the next time.

    Args:
        well: True where what the live source holds now is what all targets work from.
    """

    def __init__(self, live: RunningSource, last_good: LastGood, well: Callable[[], bool]) -> None:
        self._live = live
        self._last_good = last_good
        self._well = well
        self._kept: Kept | None = None
        self._changes = 0
        self._saved = 0
        self._covers = live.snapshot.covers
        self._changed = asyncio.Event()

    @property
    def snapshot(self) -> Snapshot:
        """The newest snapshot, or the last known good."""
        return self._kept.snapshot if self._kept is not None else self._live.snapshot

    @property
    def status(self) -> SourceStatus:
        """How the source is now."""
        live = self._live.status
        if self._kept is None:
            return live
        return replace(live, state="stale", error=live.error or _AWAY, last_good_at=self._kept.saved_at)

    # --- standing in ---

    @property
    def standing_in(self) -> bool:
        """True while the last known good is what targets are made from."""
        return self._kept is not None

    def begin(self) -> bool:
        """Let the last known good stand in from now on; return whether there is one."""
        self._kept = self._last_good.load()
        if self._kept is not None:
            _log.warning("last_good", saved_at=self._kept.saved_at, consul_index=self._kept.snapshot.index)
        return self._kept is not None

    async def first(self, needs: frozenset[Need]) -> None:
        """Read the live source for the first time; from then on nothing stands in for it. Raises as `Source.read`."""
        await self._live.read(needs)
        self._kept = None

    # --- a source ---

    async def read(self, needs: frozenset[Need], known: Snapshot | None = None) -> Snapshot:
        """Return the newest snapshot, which covers `needs`; see `Source.read`."""
        if self._kept is not None:
            if all(_answers(self._kept.snapshot, need) for need in needs):
                return self._kept.snapshot
            raise SourceUnavailable(f"{self.status.error}; the last known good does not hold all that is needed")
        snapshot = await self._live.read(needs, known)
        if snapshot.covers is not self._covers:
            self._covers = snapshot.covers
            self.changed()
        return snapshot

    async def refresh(self) -> None:
        """Read everything anew; see `LiveSource.refresh`. While it is stood in for, `first` does that."""
        if self._kept is None:
            await self._live.refresh()

    async def confirm(self, keys: Sequence[str]) -> Mapping[str, Presence]:
        """Return what a single consistent read says of each key; see `Source.confirm`."""
        return await self._live.confirm(keys)

    async def run(self) -> None:
        """Follow what changes until cancelled."""
        await self._live.run()

    async def close(self) -> None:
        """Save what is not saved yet, and close connections."""
        if self._changes != self._saved and self._well() and self._last_good.save(self._live.snapshot, durable=True):
            self._last_good.unmark()
        await self._live.close()

    # --- keeping ---

    def changed(self) -> None:
        """Note that the live source changed, before anybody works from that."""
        self._changes += 1
        self._last_good.mark_behind()
        self._changed.set()

    async def keep(self) -> None:
        """Save what the source holds when it is quiet and all is well, until cancelled; in a thread, off the way."""
        loop = asyncio.get_running_loop()
        while True:
            await self._changed.wait()
            latest = loop.time() + LONGEST_S
            while self._changed.is_set() and loop.time() < latest:
                self._changed.clear()
                await asyncio.sleep(QUIET_S)
            if not self._well():
                await asyncio.sleep(_AGAIN_S)
                self._changed.set()
                continue
            changes = self._changes
            if await _to_the_end(asyncio.to_thread(self._last_good.save, self._live.snapshot)):
                self._saved = changes
                if changes == self._changes:
                    self._last_good.unmark()


async def _to_the_end(work: Coroutine[Any, Any, bool]) -> bool:
    """Return what a thread's work gives; whoever is cancelled meanwhile waits for it first."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


def _answers(snapshot: Snapshot, need: Need) -> bool:
    if need.kind == "folder":
        return need.name in snapshot.denied or snapshot.covers_folder(need.name)
    return need in snapshot.covers
