"""All that the Consul-compatible server knows, and the one way to change it."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from syncd.dev.consul_server.agent import Agent
from syncd.dev.consul_server.catalog import Catalog
from syncd.dev.consul_server.kv import KvStore
from syncd.dev.consul_server.sessions import Sessions
from syncd.dev.storage import Storage
from syncd.dev.tables import Tables
from syncd.dev.waiters import Waiters


class ConsulState:
    """Keys, sessions, catalog and agent over one set of tables.

    Args:
        storage: what was kept is loaded from it, every write goes to it before anybody sees it.
        clock: seconds that only go forward, for sessions and TTL checks.
    """

    def __init__(self, storage: Storage, clock: Callable[[], float] = time.monotonic) -> None:
        self._tables = Tables()
        self._storage = storage
        self._clock = clock
        self._indexes = self._tables.make("indexes", int)
        self.kv = KvStore(self._tables, self._indexes)
        self.sessions = Sessions(self._tables, self._indexes, self.kv, clock)
        self.catalog = Catalog(self._tables, self._indexes)
        self.agent = Agent(self._tables, self.catalog, clock)
        self.waiters = Waiters()
        self._earlier_deadline = asyncio.Event()
        storage.load(self._tables)
        self._index = self._indexes.get("log") or 0
        self.sessions.renew_all()
        with self.write() as index:
            self.agent.start(index)

    @contextmanager
    def write(self) -> Iterator[int]:
        """Give the index of one write. Its changes are kept and told to waiters; where the block raises, undone.

        As in Consul each write takes an index, whether or not it changes anything; an index never comes twice.
        """
        index = self._index + 1
        try:
            yield index
        except BaseException:
            self._tables.undo()
            raise
        self._index = index
        changes = self._tables.take()
        if changes:
            self._indexes.put("log", index)
            self._storage.save([*changes, *self._tables.take()])
            self.waiters.wake(changes)
        self._earlier_deadline.set()

    def expire(self) -> None:
        """End the sessions and TTL checks whose time is over."""
        for session_id in self.sessions.expired():
            with self.write() as index:
                self.sessions.destroy(index, session_id)
        for check_id in self.agent.expired():
            with self.write() as index:
                self.agent.expire(index, check_id)

    async def keep_time(self) -> None:
        """Let sessions and TTL checks end when their time is over, until cancelled."""
        while True:
            self.expire()
            self._earlier_deadline.clear()
            deadlines = [self.sessions.next_deadline(), self.agent.next_deadline()]
            soonest = min((deadline for deadline in deadlines if deadline is not None), default=None)
            try:
                async with asyncio.timeout(None if soonest is None else max(0.0, soonest - self._clock())):
                    await self._earlier_deadline.wait()
            except TimeoutError:
                continue

    def close(self) -> None:
        """Wake all that wait and close the file."""
        self.waiters.close()
        self._storage.close()
