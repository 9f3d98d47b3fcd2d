"""Consul, watched: a snapshot that follows every change.

One full reading gives the first snapshot; from then on every path that was read is watched, and what a watch brings is
put into the snapshot. An exact key that vanishes is looked at once more by itself, so that hidden and missing stay two
things. The full reading is repeated on the schedule: a watch on a restored Consul may be deaf.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from syncd.consul.answers import Reply
from syncd.consul.budget import Path
from syncd.consul.client import Client
from syncd.consul.failures import PermissionDenied, not_consul
from syncd.consul.settings import Settings
from syncd.consul.watch import FIRST_PAUSE_S, LONGEST_PAUSE_S
from syncd.core.changes import Changed, between
from syncd.core.errors import SyncdError
from syncd.core.model import Need, Presence
from syncd.core.snapshot import Rules, Snapshot
from syncd.core.status import SourceStatus
from syncd.sources.consul import ConsulSource
from syncd.sources.health import Health
from syncd.sources.reading import Reading
from syncd.sources.store import Store
from syncd.sources.watches import Brought, Watches

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
        self._one_reading = asyncio.Lock()
        self._meanwhile: list[Brought] | None = None
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
            await self._read_all(needs, again=False)
        return self.snapshot

    async def confirm(self, keys: Sequence[str]) -> Mapping[str, Presence]:
        """Return what a single consistent read says of each key; see `Source.confirm`."""
        return await self._source.confirm(keys, within_s=CONFIRM_MAX_S)

    async def refresh(self) -> None:
        """Read everything anew; repairs what a deaf watch missed. Tells what changed.

        Raises:
            SourceUnavailable, SourceDenied: nothing was read; the snapshot stays.
        """
        await self._read_all(self._needs, again=True)

    async def run(self) -> None:
        """Put what the watches bring into the snapshot until cancelled."""
        try:
            while True:
                one = await self._watches.next()
                news = False
                async with self._lock:
                    if self._watches.current(one):
                        if self._meanwhile is not None:
                            self._meanwhile.append(one)
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

    async def _read_all(self, needs: frozenset[Need], *, again: bool) -> None:
        """Make a full reading the snapshot, then put in again what watches brought while it was made.

        The reading waits for Consul without the lock: one path that fails must not hold up what the others bring.
        """
        async with self._one_reading:
            if not again and needs <= self._needs:
                return  # another full reading has covered them while we waited
            wanted = self._needs | needs
            self._meanwhile = []
            try:
                reading = await self._full(wanted)
                async with self._lock:
                    changed = await self._replace(wanted, reading, self._meanwhile)
            finally:
                self._meanwhile = None
        self._tell(changed)

    async def _replace(self, wanted: frozenset[Need], reading: Reading, meanwhile: Sequence[Brought]) -> Changed:
        before = self.snapshot
        self._store.replace(reading)
        if wanted != self._needs or reading.denied != self._denied:
            self._needs, self._denied = wanted, reading.denied
            await self._watches.listen(wanted, reading.denied)
        self._watches.catch_up(reading.indexes)
        for one in meanwhile:
            if self._watches.current(one):
                await self._take(one.path, one.reply)
        return between(before, self.snapshot)

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
            self._rereading = asyncio.create_task(self._read_again(), name="read again")

    async def _read_again(self) -> None:
        """Read in full until that works, with growing pauses; the status has why it does not."""
        pause_s = FIRST_PAUSE_S
        while True:
            await asyncio.sleep(random.uniform(pause_s / 2, pause_s))  # noqa: S311 - spread, not secrecy
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            with suppress(SyncdError):
                await self.refresh()
                return
