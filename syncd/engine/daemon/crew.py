"""The workers: one per reload group or lone target, and the tasks they work in."""

import asyncio
from collections.abc import Collection, Mapping

from syncd.core.changes import Changed
from syncd.engine.daemon.surroundings import Surroundings
from syncd.engine.daemon.worker import Worker
from syncd.engine.lease import Lease
from syncd.engine.reading import Target, is_file
from syncd.engine.setup import Setup, group_of
from syncd.engine.showing import Planned

Crewed = tuple[str | None, str]
"""What names a worker: its reload group, or None and the name of its only target."""


class Crew:
    """All workers of one daemon.

    Args:
        lease: the right to write remote targets; None is one that does not end.
    """

    def __init__(self, shared: Surroundings, lease: Lease | None) -> None:
        self._shared = shared
        self._lease = lease
        self._workers: dict[Crewed, Worker] = {}
        self._tasks: dict[Crewed, asyncio.Task[None]] = {}

    def hire(self, setup: Setup, tasks: asyncio.TaskGroup, only: Collection[Crewed] | None = None) -> None:
        """Set a worker to each reload group and lone target, or to those in `only`; each begins with a full pass."""
        for name, members in grouped(setup).items():
            if only is not None and name not in only:
                continue
            lease = None if is_file(members[0]) else self._lease
            worker = Worker(setup, self._shared, name[0], members, lease)
            self._workers[name] = worker
            self._tasks[name] = tasks.create_task(worker.run(), name=f"worker {name[0] or name[1]}")

    async def dismiss(self, names: Collection[Crewed]) -> None:
        """End workers; a transaction that one has begun is finished or rolled back first."""
        ending = [self._tasks.pop(name) for name in names if name in self._tasks]
        for name in names:
            self._workers.pop(name, None)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    def planned(self, target: str) -> Planned | None:
        """Return the newest plan of a target, None where there is none."""
        found = (worker.planned.get(target) for worker in self._workers.values())
        return next((one for one in found if one is not None), None)

    def changed(self, change: Changed) -> None:
        """Tell all of a change in the source."""
        for worker in self._workers.values():
            worker.changed(change)

    def template_changed(self, paths: set[str]) -> None:
        """Tell all of changed template files."""
        for worker in self._workers.values():
            worker.template_changed(paths)

    def pauses_changed(self, names: Collection[str]) -> None:
        """Tell all of pauses that came, went, or were asked something; "" stands for that of everything."""
        for worker in self._workers.values():
            worker.pauses_changed(names)

    def reconcile(self, *, remote_only: bool = False) -> None:
        """Have all targets read and compared at once, or those that only the holder of the lock writes."""
        for worker in self._workers.values():
            if worker.lease is not None or not remote_only:
                worker.reconcile()


def grouped(setup: Setup) -> Mapping[Crewed, list[Target]]:
    """Return the targets of each worker."""
    found: dict[Crewed, list[Target]] = {}
    for target in setup.targets.values():
        group = group_of(target)
        found.setdefault((group, "" if group is not None else target.name), []).append(target)
    return found
