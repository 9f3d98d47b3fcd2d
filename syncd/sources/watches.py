"""The watches of one Consul: which paths, within the budget, and what they bring."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
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

SOON_S = 1.0
"""How long the first query after a failure waits."""
POLL_S = 5.0
"""How often paths are read for which no connection is left."""


@dataclass(frozen=True, slots=True)
class Brought:
    """One answer of a watch, which asks again when it was told whether that was news."""

    path: Path
    reply: Reply[Any]
    told: asyncio.Future[bool]

    def tell(self, news: bool) -> None:
        """Let the watch go on, unless it has ended meanwhile."""
        if not self.told.done():
            self.told.set_result(news)


class Watches:
    """Keeps a watch on each path that the needs ask for; `next` gives what they bring, in order.

    Args:
        budget: the most watches at once.
        names: gives the names of all keys below a folder, over a connection that no watch occupies.
        failed: told every failure of every watch.
    """

    def __init__(
        self,
        client: Client,
        prefix: str,
        rules: Rules,
        wait_s: float,
        budget: int,
        names: Callable[[str], Awaitable[Sequence[str]]],
        failed: Callable[[Path, SyncdError], None],
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._rules = rules
        self._wait_s = wait_s
        self._budget = budget
        self._names = names
        self._failed = failed
        self._tasks: dict[Path, asyncio.Task[None]] = {}
        self._watches: dict[Path, Watch[Any]] = {}
        self._floors: dict[Path, int] = {}
        self._polled: set[Path] = set()
        self._poll: asyncio.Task[None] | None = None
        self._queue: asyncio.Queue[Brought] = asyncio.Queue()

    @property
    def connections(self) -> int:
        """How many watches run."""
        return len(self._tasks)

    async def next(self) -> Brought:
        """Return the next answer of any watch; it must be told whether that was news."""
        return await self._queue.get()

    def current(self, one: Brought) -> bool:
        """Return True where an answer is newer than the last full reading, and its path is still watched."""
        watched = one.path in self._tasks or one.path in self._polled
        return watched and one.reply.index >= self._floors.get(one.path, 0)

    def catch_up(self, indexes: Mapping[Path, int]) -> None:
        """Remember the indexes of a full reading; a watch that is ahead of it is deaf and begins anew."""
        watched = [*self._watches, *self._polled]
        self._floors = {
            path: max((index for read, index in indexes.items() if path.holds(read)), default=0) for path in watched
        }
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
        watch: Watch[Any] = Watch(partial(self._ask, path), partial(self._bring, path), partial(self._failed, path))
        self._watches[path] = watch
        self._tasks[path] = asyncio.create_task(watch.run(), name=f"watch {path.kind} {path.name}")

    def _stop(self, path: Path) -> None:
        self._tasks.pop(path).cancel()
        self._watches.pop(path)

    async def _polling(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            for path in sorted(self._polled):
                try:
                    await self._bring(path, await self._ask(path, None, False))
                except SyncdError as error:
                    self._failed(path, error)

    async def _bring(self, path: Path, reply: Reply[Any]) -> bool:
        one = Brought(path, reply, asyncio.get_running_loop().create_future())
        self._queue.put_nowait(one)
        return await one.told

    async def _ask(self, path: Path, index: int | None, soon: bool) -> Reply[Any]:
        wait_s = None if index is None else SOON_S if soon else self._wait_s
        if index is None:  # asked after the last full reading: it is newer, even where the index fell back
            self._floors.pop(path, None)
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
            names = await self._names(folder)
        except SyncdError:
            return False
        return not any(
            self._rules.is_sensitive(name) and not any(path.holds(Path("key", name)) for path in wanted)
            for name in names
        )
