"""Consul, watched: a snapshot that follows every change.

One full reading gives the first snapshot; from then on every path that was read is watched, and what a watch brings is
put into the snapshot. An exact key that vanishes is looked at once more by itself, so that hidden and missing stay two
things. The full reading is repeated on the schedule: a watch on a restored Consul may be deaf.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from syncd.consul.answers import Reply
from syncd.consul.budget import Path
from syncd.consul.client import Client
from syncd.consul.failures import PermissionDenied, not_consul
from syncd.consul.settings import Settings
from syncd.core.changes import Changed
from syncd.core.errors import SyncdError
from syncd.core.model import Need, Presence
from syncd.core.snapshot import Rules, Snapshot
from syncd.core.status import SourceStatus
from syncd.sources.consul import ConsulSource
from syncd.sources.health import Health
from syncd.sources.reading import Reading
from syncd.sources.store import Store
from syncd.sources.watches import Watches

READERS = 2
"""Connections for full readings and single proofs; the rest of the budget is for watches."""

READING_MAX_S = 15.0
"""After so long without an answer a full reading is given up; who asked for it tries again."""

CONFIRM_MAX_S = 10.0
"""After so long a proof that a key is gone is given up: the key stays."""


class LiveSource:
    """A watched Consul.

    Args:
        wait_s: how long one blocking query waits.
        budget: the most connections, watches and readings together.
        on_change: told what changed, in the event loop, after `snapshot` has it.
    """

    def __init__(
        self, settings: Settings, rules: Rules, *, wait_s: float, budget: int, on_change: Callable[[Changed], None]
    ) -> None:
        self._source = ConsulSource(settings, rules, connections=READERS)
        self._store = Store(settings.prefix, rules)
        self._on_change = on_change
        self._lock = asyncio.Lock()
        self._needs: frozenset[Need] = frozenset()
        self._client = Client(settings, connections=budget - READERS)
        self._watches = Watches(
            self._client, settings.prefix, rules, wait_s, budget - READERS, self._source.names, self._failed
        )
        self._health = Health()
        self._denied = frozenset[str]()
        self._refused: set[Path] = set()
        self._rereading: asyncio.Task[None] | None = None

    @property
    def snapshot(self) -> Snapshot:
        """The newest snapshot; empty before the first `ensure`."""
        return self._store.snapshot

    @property
    def status(self) -> SourceStatus:
        """How the source is now."""
        return self._health.status(self.snapshot.index, self._watches.connections)

    async def read(self, needs: frozenset[Need], known: Snapshot | None = None) -> Snapshot:
        """Return the newest snapshot, which covers `needs` from now on; see `Source.read`."""
        if not needs <= self._needs:
            await self._extend(needs)
        return self.snapshot

    async def confirm(self, keys: Sequence[str]) -> Mapping[str, Presence]:
        """Return what a single consistent read says of each key; see `Source.confirm`."""
        return await self._source.confirm(keys, within_s=CONFIRM_MAX_S)

    async def refresh(self) -> None:
        """Read everything anew; repairs what a deaf watch missed. Tells what changed.

        Raises:
            SourceUnavailable, SourceDenied: nothing was read; the snapshot stays.
        """
        async with self._lock:
            reading = await self._full(self._needs)
            if reading.denied != self._denied:
                await self._watches.listen(self._needs, reading.denied)
                self._denied = reading.denied
            self._watches.catch_up(reading.indexes)
            changed = self._store.replace(reading)
        self._tell(changed)

    async def run(self) -> None:
        """Put what the watches bring into the snapshot until cancelled."""
        try:
            while True:
                one = await self._watches.next()
                news = False
                async with self._lock:
                    if self._watches.current(one):
                        news, changed = await self._take(one.path, one.reply)
                        self._tell(changed)
                one.tell(news)
        finally:
            await self._watches.stop()

    async def close(self) -> None:
        """Close all connections."""
        if self._rereading is not None:
            self._rereading.cancel()
        await self._watches.stop()
        await self._client.close()
        await self._source.close()

    async def _extend(self, needs: frozenset[Need]) -> None:
        async with self._lock:
            wanted = self._needs | needs
            reading = await self._full(wanted)
            changed = self._store.replace(reading)
            self._needs = wanted
            await self._watches.listen(wanted, reading.denied)
            self._denied = reading.denied
            self._watches.catch_up(reading.indexes)
        self._tell(changed)

    async def _full(self, needs: frozenset[Need]) -> Reading:
        try:
            reading = await self._source.reading(needs, within_s=READING_MAX_S)
        except SyncdError as error:
            self._health.failed(None, error)
            raise
        self._health.heard(None)
        return reading

    async def _take(self, path: Path, reply: Reply[Any]) -> tuple[bool, Changed]:
        """Put one answer into the snapshot; return whether it was news to us, and what targets see of that."""
        if path.kind in ("service", "catalog"):
            self._heard(path)
            changed = self._store.take_services(path, reply)
            return bool(changed), changed
        news = self._store.news(path, reply)
        needed = self._store.needed(news.gone)
        said = await self.confirm(sorted(needed)) if needed else {}
        there = [key for key, presence in said.items() if presence is Presence.PRESENT]
        if there:
            self._health.failed(path, not_consul(self._client.label, f"it leaves out '{there[0]}', which is there"))
        else:
            self._heard(path)
        return bool(news), self._store.take(path, reply, news, said)

    def _tell(self, changed: Changed) -> None:
        if changed:
            self._on_change(changed)

    def _heard(self, path: Path) -> None:
        self._health.heard(path)
        self._refused.discard(path)
        if self._health.reading_fails:
            self._reread()

    def _failed(self, path: Path, error: SyncdError) -> None:
        if not isinstance(error, PermissionDenied):
            self._health.failed(path, error)
        elif path not in self._refused:
            # The source is well; which targets that concerns a full reading finds out.
            self._refused.add(path)
            self._reread()

    def _reread(self) -> None:
        if self._rereading is None or self._rereading.done():
            self._rereading = asyncio.create_task(self._quiet_refresh(), name="read again")

    async def _quiet_refresh(self) -> None:
        with suppress(SyncdError):  # the status has it
            await self.refresh()
