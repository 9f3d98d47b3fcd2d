"""The watches of one Consul: which paths, within the budget, and what they bring."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from syncd.consul.answers import Reply
from syncd.consul.budget import Path, best_merge, merged, paths
from syncd.consul.client import Client
from syncd.consul.planner import plan
from syncd.consul.watch import Watch
from syncd.core.errors import SyncdError
from syncd.core.model import Need
from syncd.core.snapshot import Rules

POLL_S = 5.0
"""How often paths are read for which no connection is left."""


class Watches:
    """Keeps a watch on each path that the needs ask for; `next` gives what they bring, in order.

    Args:
        budget: the most watches at once.
        failed: told every failure of every watch.
    """

    def __init__(
        self,
        client: Client,
        prefix: str,
        rules: Rules,
        wait_s: float,
        budget: int,
        failed: Callable[[SyncdError], None],
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._rules = rules
        self._wait_s = wait_s
        self._budget = budget
        self._failed = failed
        self._tasks: dict[Path, asyncio.Task[None]] = {}
        self._watches: dict[Path, Watch[Any]] = {}
        self._last: dict[Path, object] = {}
        self._floors: dict[Path, int] = {}
        self._polled: set[Path] = set()
        self._poll: asyncio.Task[None] | None = None
        self._queue: asyncio.Queue[tuple[Path, Reply[Any]]] = asyncio.Queue()

    @property
    def connections(self) -> int:
        """How many watches run."""
        return len(self._tasks)

    async def next(self) -> tuple[Path, Reply[Any]]:
        """Return the next answer of any watch."""
        return await self._queue.get()

    def current(self, path: Path, reply: Reply[Any]) -> bool:
        """Return True where an answer is newer than the last full reading, and its path is still watched."""
        return (path in self._tasks or path in self._polled) and reply.index >= self._floors.get(path, 0)

    def catch_up(self, indexes: Mapping[Path, int]) -> None:
        """Remember the indexes of a full reading; a watch that is ahead of it is deaf and begins anew."""
        self._floors = dict(indexes)
        for path, watch in list(self._watches.items()):
            if watch.index is not None and watch.index > indexes.get(path, watch.index):
                self._stop(path)
                self._start(path)

    async def listen(self, needs: Collection[Need], denied: frozenset[str]) -> None:
        """Watch what these needs ask for; a path that was watched before keeps its connection."""
        wanted = paths(plan(needs, layer=self._rules.layer, denied=denied))
        wanted = await self._within_budget(wanted)
        room = self._budget if len(wanted) <= self._budget else self._budget - 1  # one for those that are polled
        for path in set(self._tasks) - set(wanted[:room]):
            self._stop(path)
        for path in wanted[:room]:
            if path not in self._tasks:
                self._start(path)
        self._polled = set(wanted[room:])
        if self._polled and self._poll is None:
            self._poll = asyncio.create_task(self._polling(), name="poll")

    async def stop(self) -> None:
        """End all watches."""
        tasks = list(self._tasks.values())
        if self._poll is not None:
            self._poll.cancel()
            tasks.append(self._poll)
            self._poll = None
        for path in list(self._tasks):
            self._stop(path)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, path: Path) -> None:
        watch: Watch[Any] = Watch(partial(self._ask, path), partial(self._take, path), self._failed)
        self._watches[path] = watch
        self._tasks[path] = asyncio.create_task(watch.run(), name=f"watch {path.kind} {path.name}")

    def _stop(self, path: Path) -> None:
        self._tasks.pop(path).cancel()
        self._watches.pop(path)
        self._last.pop(path, None)

    async def _polling(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            for path in sorted(self._polled):
                try:
                    self._take(path, await self._ask(path, None))
                except SyncdError as error:
                    self._failed(error)

    def _take(self, path: Path, reply: Reply[Any]) -> bool:
        news = path not in self._last or self._last[path] != reply.data
        self._last[path] = reply.data
        self._queue.put_nowait((path, reply))
        return news

    async def _ask(self, path: Path, index: int | None) -> Reply[Any]:
        wait_s = None if index is None else self._wait_s
        if path.kind == "folder":
            return await self._client.folder(self._prefix + path.name, index=index, wait_s=wait_s)
        if path.kind == "key":
            return await self._client.key(self._prefix + path.name, index=index, wait_s=wait_s)
        if path.kind == "service":
            return await self._client.service(path.name, index=index, wait_s=wait_s)
        return await self._client.catalog(index=index, wait_s=wait_s)

    async def _within_budget(self, wanted: list[Path]) -> list[Path]:
        refused: set[str] = set()
        while len(wanted) > self._budget:
            folder = best_merge(wanted, refused)
            if folder is None:
                break
            if await self._harmless(folder, wanted):
                wanted = merged(wanted, folder)
            else:
                refused.add(folder)
        return wanted

    async def _harmless(self, folder: str, wanted: Collection[Path]) -> bool:
        """Return True where watching a whole folder fetches no sensitive value that nobody reads."""
        try:
            names = (await self._client.names(self._prefix + folder)).data
        except SyncdError:
            return False
        cut = len(self._prefix)
        return not any(
            self._rules.is_sensitive(name[cut:]) and not any(path.holds(Path("key", name[cut:])) for path in wanted)
            for name in names
        )
