"""The daemon's tasks: the source, one worker per reload group or lone target, the schedule, template files, the web."""

import asyncio
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import structlog

from syncd.core.changes import Changed
from syncd.core.errors import SyncdError
from syncd.core.model import Need
from syncd.core.status import Freshness
from syncd.engine.daemon.board import Board
from syncd.engine.daemon.last_good import last_good_of
from syncd.engine.daemon.schedule import every
from syncd.engine.daemon.sources import RunningSource, open_live
from syncd.engine.daemon.stand_in import StandIn
from syncd.engine.daemon.template_files import template_changes
from syncd.engine.daemon.worker import Worker
from syncd.engine.journal import Journal
from syncd.engine.leadership import Leadership, leadership_of
from syncd.engine.reading import Target, is_file
from syncd.engine.remembering import open_journal
from syncd.engine.setup import Setup, group_of
from syncd.engine.transaction import recover

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 15.0
LAST_GOOD_AFTER_S = 2.0
"""So long a start waits for the source before the last known good stands in for it."""
_log = structlog.get_logger()


@dataclass(slots=True)
class _Parts:
    source: RunningSource
    board: Board
    workers: list[Worker]
    leadership: Leadership | None
    stand_in: StandIn | None
    reconciling: asyncio.Task[None] | None = None


async def run(setup: Setup, source_file: Path | None, env: Mapping[str, str]) -> None:
    """Keep every target in line until SIGTERM or SIGINT.

    Raises:
        StateError: another syncd holds the state dir.
        ConfigError: the status port is taken.
    """
    with setup.state.locked("run"):
        journal = open_journal(setup)
        groups = recover(journal, setup.outputs, setup.state.backups)
        if groups:
            _log.warning("transaction_rolled_back", groups=groups)
        setup.state.plan_key(env, make=True)
        try:
            await _run(setup, source_file, journal)
        finally:
            journal.close()
            await setup.close()


async def _run(setup: Setup, source_file: Path | None, journal: Journal) -> None:
    async with AsyncExitStack() as stack:
        parts = _build(setup, source_file, journal)
        stack.push_async_callback(parts.source.close)
        if parts.leadership is not None:
            stack.push_async_callback(parts.leadership.close)
        if setup.config.http is not None:
            from syncd.web.server import serve

            await stack.enter_async_context(
                serve(setup.config.http.address, setup.config.http.hosts, parts.board.status)
            )
        work = asyncio.create_task(_work(setup, parts, stack))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _stop, work)
        loop.add_signal_handler(signal.SIGHUP, lambda: _reconcile_soon(parts))
        _log.info("started", targets=len(setup.targets), config=str(setup.base_dir))
        try:
            await work
        except asyncio.CancelledError:
            _log.info("stopped")


def _build(setup: Setup, source_file: Path | None, journal: Journal) -> _Parts:
    workers: list[Worker] = []
    stand_in: StandIn | None = None

    def changed(change: Changed) -> None:
        if stand_in is not None:
            stand_in.changed()
        for worker in workers:
            worker.changed(change)

    def leader_changed() -> None:
        for worker in workers:
            if worker.lease is not None:
                worker.reconcile()

    source = open_live(setup, source_file, changed)
    if source_file is None:
        source = stand_in = StandIn(source, last_good_of(setup), lambda: _well(board))
    leadership = leadership_of(setup, "run", leader_changed)
    lease = leadership.lease if leadership is not None else None
    remote = {name for name, target in setup.targets.items() if not is_file(target)}
    config = setup.config
    freshness = Freshness(2 * config.consul.wait + 30, 2 * config.reconcile.interval)
    board = Board(
        {name: target.kind for name, target in setup.targets.items()},
        freshness,
        lambda: source.status,
        lambda: leadership.status if leadership is not None else None,
        remote,
    )
    for group, members in _grouped(setup):
        own = lease if members[0].name in remote else None
        workers.append(Worker(setup, source, journal, board, group, members, own))
    return _Parts(source, board, workers, leadership, stand_in)


def _well(board: Board) -> bool:
    """Return True where every target works from what the source holds now."""
    status = board.status()
    return status.source.state == "ok" and not any(one.state in ("held", "unsafe") for one in status.targets)


def _grouped(setup: Setup) -> list[tuple[str | None, list[Target]]]:
    groups: dict[str, list[Target]] = {}
    alone: list[tuple[str | None, list[Target]]] = []
    for target in setup.targets.values():
        group = group_of(target)
        if group is None:
            alone.append((None, [target]))
        else:
            groups.setdefault(group, []).append(target)
    return alone + list(groups.items())


async def _work(setup: Setup, parts: _Parts, stack: AsyncExitStack) -> None:
    interval_s = setup.config.reconcile.interval
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(_first_snapshot(setup, parts), name="first snapshot")
        if parts.stand_in is not None:
            await asyncio.wait({first}, timeout=LAST_GOOD_AFTER_S)
        if first.done() or parts.stand_in is None or not parts.stand_in.begin():
            await first
        stack.enter_context(every(interval_s, lambda: _reconcile_soon(parts)))
        tasks.create_task(parts.source.run(), name="source")
        if parts.stand_in is not None:
            tasks.create_task(parts.stand_in.keep(), name="last known good")
        tasks.create_task(_follow_templates(setup, parts), name="template files")
        if parts.leadership is not None:
            tasks.create_task(parts.leadership.run(), name="lock")
        for worker in parts.workers:
            tasks.create_task(worker.run(), name=f"worker {worker.group or next(iter(worker.members))}")


async def _first_snapshot(setup: Setup, parts: _Parts) -> None:
    """Wait for the first reading of the source, however long it takes."""
    needs = frozenset[Need]().union(*(target.needs() for target in setup.targets.values()))
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            if parts.stand_in is None:
                await parts.source.read(needs)
            else:
                await parts.stand_in.first(needs)
            break
        except SyncdError as error:
            if parts.stand_in is None or not parts.stand_in.standing_in:
                for name in setup.targets:
                    parts.board.failed(name, str(error), None)
            _log.warning("source_unavailable", error=str(error), wait_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
    for worker in parts.workers:
        worker.reconcile()


async def _reconcile(parts: _Parts) -> None:
    """Read the source in full, and have every target read and compared."""
    try:
        await parts.source.refresh()
    except SyncdError as error:
        _log.warning("source_unavailable", error=str(error))
    for worker in parts.workers:
        worker.reconcile()


async def _follow_templates(setup: Setup, parts: _Parts) -> None:
    async for paths in template_changes(setup):
        for worker in parts.workers:
            worker.template_changed(paths)


def _reconcile_soon(parts: _Parts) -> None:
    """Begin a reconcile, unless one is under way: a slow source must not make them pile up."""
    if parts.reconciling is None or parts.reconciling.done():
        parts.reconciling = asyncio.get_running_loop().create_task(_reconcile(parts), name="reconcile")


def _stop(work: asyncio.Task[None]) -> None:
    """Do what a signal asks for; a second one must not cut off what the first one lets finish."""
    if not work.cancelling():
        work.cancel()
