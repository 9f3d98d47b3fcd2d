"""The daemon: its tasks from start to SIGTERM, and anew where another configuration has another ground."""

import asyncio
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import structlog

from syncd.config.load import Loaded
from syncd.core.errors import ConfigError, StateError, SyncdError
from syncd.core.reasons import same_reason
from syncd.core.status import ConfigStatus
from syncd.engine.adopting import adopt_running, trim_history
from syncd.engine.daemon import parts as making
from syncd.engine.daemon.allowance_watch import AllowanceWatch
from syncd.engine.daemon.config_file import ConfigFile
from syncd.engine.daemon.crew import grouped
from syncd.engine.daemon.first_snapshot import first_snapshot
from syncd.engine.daemon.measuring import Measuring
from syncd.engine.daemon.notifying import Notifier
from syncd.engine.daemon.parts import Lasting, Parts, last_applied
from syncd.engine.daemon.pausing import follow_pauses
from syncd.engine.daemon.reconfiguring import Candidate, candidate, rehearse, unused_is_closed
from syncd.engine.daemon.results import internal
from syncd.engine.daemon.schedule import every
from syncd.engine.daemon.service_manager import ServiceManager, keep_posted
from syncd.engine.daemon.telling import Telling
from syncd.engine.daemon.template_files import template_changes
from syncd.engine.journal import Journal
from syncd.engine.reading import is_file
from syncd.engine.remembering import open_journal
from syncd.engine.setup import Setup
from syncd.engine.transaction import recover

_CHANGED = "its configuration changed, and it was not compared since"
_DAY_S = 86_400.0
LAST_GOOD_AFTER_S = 2.0
"""So long a start waits for the source before the last known good stands in for it."""
_log = structlog.get_logger()


async def run(setup: Setup, source_file: Path | None, env: Mapping[str, str], reread: Callable[[], Loaded]) -> None:
    """Keep every target in line until SIGTERM or SIGINT.

    Args:
        reread: loads the config file anew; raises ConfigError.

    Raises:
        StateError: another syncd holds the state dir.
        ConfigError: the status port is taken.
    """
    with setup.state.locked("run"):
        journal = open_journal(setup)
        groups = recover(journal, setup.outputs, setup.state.backups)
        if groups:
            _log.warning("transaction_rolled_back", groups=groups)
        journal.history.seal_with(setup.state.plan_key(env, make=True))
        try:
            await Daemon(setup, source_file, env, reread, journal).run()
        finally:
            journal.close()


class Daemon:
    """One daemon. What has to be made anew for another configuration is a round; most changes need no new one."""

    def __init__(
        self,
        setup: Setup,
        source_file: Path | None,
        env: Mapping[str, str],
        reread: Callable[[], Loaded],
        journal: Journal,
    ) -> None:
        self._setup, self._source_file, self._env = setup, source_file, env
        self._reread = reread
        self._file = ConfigFile(setup.config_file, setup.config_digest)
        now = time.time()
        self._measuring = Measuring(lambda: self._setup)
        observers = (self._measuring, AllowanceWatch(lambda: self._setup))
        config = ConfigStatus(setup.config_file.name, now)
        notifier = Notifier(self._measuring.notified)
        self._lasting = Lasting(journal, now, config, notifier, last_applied(setup, journal), observers)
        self._next: Setup | None = None
        self._manager = ServiceManager(env)
        self._work: asyncio.Task[None] | None = None
        self._templates: asyncio.Task[None] | None = None
        self._parts: Parts | None = None
        self._started = False
        """True where the workers of this round are at work."""
        self._stopping = False
        self._reconciling: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Do one round after the other until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._look)
        before: Setup | None = None
        try:
            while True:
                self._work = loop.create_task(self._round())
                try:
                    await self._work
                except asyncio.CancelledError:
                    if self._next is None or self._stopping:
                        _log.info("stopped")
                        return
                    before, self._setup, self._next = self._setup, self._next, None
                    await before.close()
                    if self._stopping:
                        _log.info("stopped")
                        return
                except ConfigError as error:
                    if before is None:
                        raise
                    self._file.back_to(before.config_digest)
                    self._refused(error, None, again=True)
                    self._setup, before = before, None
        finally:
            self._manager.stopping()
            await self._setup.close()

    async def _round(self) -> None:
        setup = self._setup
        adopt_running(setup, self._lasting.journal)
        async with AsyncExitStack() as stack:
            parts = making.build(setup, self._source_file, self._lasting)
            self._parts = parts
            stack.callback(self._forget_reconcile)
            stack.callback(lambda: self._measuring.source_ends(parts.source.status))
            stack.push_async_callback(parts.source.close)
            if parts.leadership is not None:
                stack.push_async_callback(parts.leadership.close)
            if setup.config.http is not None:
                from syncd.web.server import serve

                await stack.enter_async_context(
                    serve(setup.config.http.address, setup.config.http.hosts, self._telling(parts))
                )
            _log.info("started", targets=len(setup.targets), config=str(setup.base_dir))
            await self._tasks(parts, stack)

    def _telling(self, parts: Parts) -> Telling:
        status = parts.board.status
        return Telling(
            lambda: self._setup,
            self._lasting.journal,
            parts.crew,
            status,
            lambda: self._measuring.exposition(status()),
            self._setup.state.plan_key(self._env),
        )

    async def _tasks(self, parts: Parts, stack: AsyncExitStack) -> None:
        self._started, self._templates = False, None
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_posted(self._manager, parts.board.status), name="service manager")
            tasks.create_task(self._lasting.notifier.run(self._setup, parts.board.status), name="notification")
            first = tasks.create_task(first_snapshot(parts, lambda: self._setup), name="first snapshot")
            tasks.create_task(self._follow_config(parts, tasks), name="config file")
            if parts.stand_in is not None:
                await asyncio.wait({first}, timeout=LAST_GOOD_AFTER_S)
            if first.done() or parts.stand_in is None or not parts.stand_in.begin():
                await first
            stack.enter_context(every(self._setup.config.reconcile.interval, lambda: self._reconcile_soon(parts)))
            stack.enter_context(every(_DAY_S, self._trim))
            tasks.create_task(parts.source.run(), name="source")
            if parts.stand_in is not None:
                tasks.create_task(parts.stand_in.keep(), name="last known good")
            if parts.leadership is not None:
                tasks.create_task(parts.leadership.run(), name="lock")
            self._started = True
            parts.crew.hire(self._setup, tasks)
            self._begin_templates(parts, tasks)
            tasks.create_task(follow_pauses(self._setup.state.pauses, parts.crew.pauses_changed), name="pauses")

    async def _reconcile(self, parts: Parts) -> None:
        """Read the source in full, and have every target read and compared."""
        try:
            await parts.source.refresh()
        except SyncdError as error:
            _log.warning("source_unavailable", error=str(error))
        parts.crew.reconcile()

    def _reconcile_soon(self, parts: Parts) -> None:
        """Begin a reconcile, unless one is under way: a slow source must not make them pile up."""
        if self._reconciling is None or self._reconciling.done():
            self._reconciling = asyncio.get_running_loop().create_task(self._reconcile(parts), name="reconcile")

    def _trim(self) -> None:
        try:
            trim_history(self._setup, self._lasting.journal)
        except StateError as error:
            _log.warning("history_not_trimmed", error=str(error))

    def _forget_reconcile(self) -> None:
        if self._reconciling is not None:
            self._reconciling.cancel()

    async def _follow_config(self, parts: Parts, tasks: asyncio.TaskGroup) -> None:
        """Take what the config file says in use whenever it changed; what cannot be used harms nothing."""
        async for _ in self._file.changes():
            self._manager.reloading()
            may_pass = False
            try:
                loaded, before = self._reread(), parts.board.targets
                may_pass = True
                found = candidate(loaded, self._setup, self._env, before)
                async with unused_is_closed(found, self._setup):
                    rehearsal = rehearse(found, before, self._lasting.journal, self._source_file)
                    if not await self._file.meanwhile(rehearsal):
                        continue  # it says something else again
                await self._take(found, parts, tasks)
            except SyncdError as error:
                self._refused(error, parts, again=may_pass)
            except Exception as error:
                _log.error("internal_error", exc_info=True)
                self._refused(SyncdError(internal(error)), parts, again=False)
            finally:
                self._manager.ready()

    def _refused(self, error: SyncdError, parts: Parts | None, *, again: bool) -> None:
        """Say why the config file is not in use; `again`: what stands in its way may pass by itself."""
        self._file.refused(again=again, longest_s=self._setup.config.reconcile.interval)
        self._say_config(parts, replace(self._lasting.config, error=str(error)))

    async def _take(self, found: Candidate, parts: Parts, tasks: asyncio.TaskGroup) -> None:
        """Let a planned configuration take the place of the one in use."""
        old, self._setup = self._setup, found.setup
        self._file.settled()
        self._say_config(parts, ConfigStatus(self._lasting.config.file, time.time()))
        fresh = {target.name for name in found.fresh for target in grouped(found.setup)[name]}
        self._lasting.targets = last_applied(found.setup, self._lasting.journal) | {
            name: replace(status, state="pending", reasons=(_CHANGED,)) if name in fresh else status
            for name, status in parts.board.targets.items()
        }
        if found.new_ground:
            self._setup, self._next = old, found.setup
            self._end_round()
            return
        await parts.crew.dismiss(found.gone)
        adopt_running(found.setup, self._lasting.journal)
        parts.board.list(making.kinds(found.setup), making.remote(found.setup), self._lasting.targets)
        for name, target in old.targets.items():
            if not is_file(target) and found.setup.targets.get(name) is not target:
                await target.close()
        if self._started:
            parts.crew.hire(found.setup, tasks, found.fresh)
            self._begin_templates(parts, tasks)

    def _say_config(self, parts: Parts | None, config: ConfigStatus) -> None:
        if config.error is not None and not same_reason(config.error, self._lasting.config.error):
            _log.warning("config_refused", file=config.file, error=config.error)
        elif config.error is None:
            _log.info("config_loaded", file=config.file, targets=len(self._setup.targets))
        self._lasting.config = config
        if parts is not None:
            parts.board.config = config

    def _begin_templates(self, parts: Parts, tasks: asyncio.TaskGroup) -> None:
        """Follow the template files of the configuration in use, and no longer those of another."""
        if self._templates is not None:
            self._templates.cancel()
        self._templates = tasks.create_task(self._follow_templates(self._setup, parts), name="template files")

    async def _follow_templates(self, setup: Setup, parts: Parts) -> None:
        async for paths in template_changes(setup):
            parts.crew.template_changed(paths)
            if self._lasting.config.error is not None:
                self._file.look()  # it may have been for a template that it was refused

    def _look(self) -> None:
        """Do what SIGHUP asks for: look at the config and the templates, and reconcile."""
        self._file.look()
        if self._parts is not None:
            self._parts.crew.template_changed(self._setup.templates.changed())
            self._reconcile_soon(self._parts)

    def _stop(self) -> None:
        """Do what SIGTERM asks for; a second one must not cut off what the first one lets finish."""
        self._next, self._stopping = None, True
        self._end_round()

    def _end_round(self) -> None:
        """End the tasks of this round; a second time would cut off what the first one lets finish."""
        if self._work is not None and not self._work.cancelling():
            self._work.cancel()
