"""One reload group, or one target without one: waits until a pass is due, and does it."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import structlog

from syncd.core.changes import Changed
from syncd.core.errors import ConfigError, SourceDenied, SourceUnavailable, SyncdError
from syncd.core.fields import Debounce
from syncd.core.model import Entry
from syncd.core.report.model import ReloadResult
from syncd.engine.applying import Conditions, Done, apply_group
from syncd.engine.daemon.agenda import LONGEST_RETRY_S, Agenda
from syncd.engine.daemon.board import CHANGES_WAIT
from syncd.engine.daemon.holdings import Holdings
from syncd.engine.daemon.last_good import not_older
from syncd.engine.daemon.observing import Passed
from syncd.engine.daemon.old_templates import OldTemplates
from syncd.engine.daemon.pausing import marked, roll_back_asked
from syncd.engine.daemon.results import Reporter, asked_wait_s, internal, report_reload, settled
from syncd.engine.daemon.surroundings import Surroundings
from syncd.engine.daemon.verifying import in_line, verifying, wrong_words
from syncd.engine.deadline import Deadline
from syncd.engine.lease import Lease, Permit
from syncd.engine.pausing import waits_of
from syncd.engine.planning import plan_target
from syncd.engine.reading import Rendered, Target, is_file
from syncd.engine.setup import Setup
from syncd.engine.showing import Planned

FOLLOWED_PER_S = 1000
"""A follower that waits for the leader's writes lists no more entries in a second: both share the API's limits."""
LONGEST_SLEEP_S = 60.0
"""After so long it is looked anew how far away the next pass is: a machine sleeps, and its clock may be set."""
_WITHIN_S = 60.0
_log = structlog.get_logger()


class Worker:
    """The only task that writes its targets, while it has the `lease`; None is a lease that does not end."""

    def __init__(
        self,
        setup: Setup,
        shared: Surroundings,
        group: str | None,
        members: Sequence[Target],
        lease: Lease | None = None,
    ) -> None:
        self._setup, self._source, self._journal = setup, shared.source, shared.journal
        self._board, self._observer = shared.board, shared.observer
        self.group = group
        self.lease = lease
        self._term = 0
        self.members = {target.name: target for target in members}
        self.planned: dict[str, Planned] = {}
        """The newest plan of each target that is not in sync."""
        self._old = OldTemplates(setup.templates)
        self._rendered: dict[str, Rendered] = {}
        self._holdings = Holdings()
        self._reporter = Reporter()
        self._dirty = set(self.members)
        self._agenda = Agenda(_debounce(setup, group, members[0]), _min_interval_s(setup, group))
        self._wake = asyncio.Event()
        self._held = False
        self._owes_full = False
        """A full pass was due, and ended before it had read what the targets hold."""

    def changed(self, change: Changed) -> None:
        """Take note of a change in the source, where it concerns one of the targets."""
        touched = {name for name, one in self._rendered.items() if change.touches(one.reads)}
        if touched:
            self._mark(touched)

    def template_changed(self, paths: set[str]) -> None:
        """Take note of changed template files; one that could not be rendered may have missed any of them."""
        touched = {
            name
            for name, one in self._rendered.items()
            if one.desired.error is not None or not paths.isdisjoint(one.desired.templates)
        }
        touched |= {name for name, target in self.members.items() if getattr(target.config, "template", None) in paths}
        if touched:
            self._mark(touched)

    def pauses_changed(self, names: Collection[str]) -> None:
        """Take note that targets are paused, or not any more, or are to be rolled back; "" stands for all."""
        touched = {name for name in self.members if name in names or "" in names}
        if touched:
            self._mark(touched)

    def reconcile(self) -> None:
        """Make the next pass a full one: every target is read and compared, at once."""
        self._agenda.full = True
        self._wake.set()

    async def run(self) -> None:
        """Do passes as they fall due, until cancelled."""
        async with verifying(self.members.values(), self._in_line, self._wrong):
            await self._passes()

    async def _passes(self) -> None:
        while True:
            while (delay_s := self._agenda.delay_s()) is None or delay_s > 0:
                await self._sleep(delay_s if delay_s is None else min(delay_s, LONGEST_SLEEP_S))
            await self._pass()
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError  # whatever swallowed it: who waits for our end must not wait for ever

    def _mark(self, names: set[str], why: str = CHANGES_WAIT) -> None:
        self._dirty |= names
        self._agenda.changed()
        for name in names:
            self._board.pending(name, why)
        self._wake.set()

    def _in_line(self, name: str) -> Mapping[str, Entry]:
        """Return the wanted entries that a remote target holds, as far as is known and ours to see to."""
        present, rendered = self._holdings.of(name), self._rendered.get(name)
        if present is None or rendered is None or (self.lease is not None and not self.lease.held):
            return {}
        return in_line(rendered.desired.entries, present, self._setup.config.owner)

    def _wrong(self, name: str, found: Mapping[str, str]) -> None:
        """Take note of entries that hold something else than is noted beside them: the next pass repairs them."""
        self._holdings.found_wrong(name, found)
        self._mark({name}, wrong_words(found))

    async def _sleep(self, delay_s: float | None) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(delay_s):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _pass(self) -> None:
        permit, changed = self._turn()
        full, self._owes_full = self._agenda.full or changed or self._owes_full, False
        dirty = self._dirty | ({*self.members} if full or self._agenda.retrying else set())
        if self._agenda.retry_is_due():
            self._old.try_again()
        self._dirty, since = set(), self._agenda.begin()
        self._holdings.begin()
        try:
            dirty |= await self._roll_back(permit)
            if self._held:
                # What was held back may be there again, and no watch tells when a token gets its rights back.
                await self._source.refresh()
            planned = [await self._plan(self.members[name], full) for name in self.members if name in dirty]
            done, reloaded = await self._apply(planned, permit)
            if edited := self._old.seen(planned, done or {}):
                self._mark(edited)
        except SyncdError as error:
            held = isinstance(error, SourceUnavailable | SourceDenied | ConfigError)
            self._failed(dirty, str(error), since, held=held)
            self._owes_full = full
            return
        except Exception as error:
            # A fault of ours must not take the other targets down with this one.
            _log.error("internal_error", targets=sorted(dirty), exc_info=True)
            self._failed(dirty, internal(error), since)
            self._owes_full = full
            return
        if reloaded:
            self._agenda.reloaded()
        self._settle(planned, done, since)

    async def _roll_back(self, permit: Permit) -> set[str]:
        """Carry out the rollbacks that were asked for; return the targets concerned."""
        redaction = self._setup.redaction(self._source.snapshot)
        undone, reloads = await roll_back_asked(self._setup, self._journal, self.members, permit, redaction)
        for reload in reloads:
            self._reloaded(reload)
        for name, undo in undone.items():
            self._holdings.forget(name)
            if undo.changed:
                self._board.applied(name)
        return set(undone)

    def _turn(self) -> tuple[Permit, bool]:
        """Return the right to write in this pass, and whether another instance may have changed what targets hold."""
        if self.lease is None:
            return Permit(), False
        permit = self.lease.permit()
        turned, self._term = permit.term != self._term, permit.term
        if turned:
            self._holdings.forget()
            for target in self.members.values():
                if not is_file(target):
                    target.forget()
        return permit, turned or (self._agenda.retry_is_due() and not self.lease.held)

    def _failed(self, names: set[str], error: str, since: float | None, *, held: bool = False) -> None:
        """Note that nothing could be planned; `held`: because of the source."""
        self._dirty |= names
        self._held = self._held or held
        self._agenda.retry(held=self._held)
        for name in names:
            before = self._board.targets[name]
            after = self._board.failed(name, error, self._agenda.retry_at, held=held)
            self._observer.passed(Passed(before, after, changed_at=since))
        _log.warning("pass_failed", targets=sorted(names), error=error)

    async def _plan(self, target: Target, full: bool) -> Planned:
        rendered = await self._old.render(self._source, target)
        if rendered.overtaken:
            self._mark({target.name})
        if rendered.hidden is not None or rendered.desired.error is not None:
            self._rendered[target.name] = replace(rendered, reads=rendered.reads | target.needs())
        else:
            self._rendered[target.name] = rendered
        present = None if full or is_file(target) else self._holdings.of(target.name)
        planned = await plan_target(
            self._setup,
            self._source,
            self._journal,
            rendered,
            left_over={},
            within_s=_WITHIN_S,
            present=present,
        )
        self._holdings.planned(target.name, planned.present)
        if self._source.snapshot.behind:
            planned = replace(planned, plan=not_older(planned.plan, self._journal.written(target.name)))
        return planned

    async def _apply(self, planned: list[Planned], permit: Permit) -> tuple[dict[str, Done] | None, bool]:
        """Carry the plans out; None where syncd is paused. And whether a reload was run."""
        if (self._setup.state.path / "paused").exists():
            return None, False
        done, reload = await apply_group(
            self._setup,
            self._journal,
            self.group,
            planned,
            Conditions(Deadline(None), permit=permit, waits=waits_of(self._setup.state.pauses)),
            self._setup.redaction(self._source.snapshot),
        )
        for one in planned:
            self._holdings.applied(one, done[one.target.name], self._setup.config.owner)
        if reload is not None:
            self._reloaded(reload)
        done = marked(done, self.members, self._setup.state.pauses)
        return done, reload is not None and reload.state != "owed"

    def _reloaded(self, reload: ReloadResult) -> None:
        self._observer.reloaded(reload)
        report_reload(reload)

    def _settle(self, planned: Sequence[Planned], done: dict[str, Done] | None, since: float | None) -> None:
        """Note outcomes, and when to try again what is not in sync."""
        finished = done or {}
        self._held = any(one.plan.held for one in planned)
        waits = [
            wait
            for one in planned
            for wait in (one.plan.retry_after_s, asked_wait_s(finished, one))
            if wait is not None
        ]
        self._agenda.stay_away(max(waits, default=None))
        if self.lease is not None and not self.lease.held:
            waits += [min(LONGEST_RETRY_S, len(one.present or ()) / FOLLOWED_PER_S) for one in planned]
        waiting = {name: one.wait for name, one in finished.items() if one.wait is not None}
        self._dirty |= waiting.keys()
        self._agenda.again(min((one.until for one in waiting.values() if one.until is not None), default=None))
        if all(one.target.name in waiting or settled(one, done) for one in planned):
            self._agenda.settled()
        else:
            self._agenda.retry(held=self._held, at_least_s=max(waits, default=0.0))
        for one in planned:
            self.planned.pop(one.target.name, None)
            if not settled(one, done):
                self.planned[one.target.name] = one
            name, result, index = one.target.name, finished.get(one.target.name), one.rendered.index
            before = self._board.targets[name]
            retry_at = waiting[name].until if name in waiting else self._agenda.retry_at
            after = self._board.note(one, result, index=index, retry_at=retry_at)
            if name in self._dirty:
                self._board.pending(name)
            self._reporter.report(after, one.plan, result, index)
            self._observer.passed(Passed(before, after, one.plan, result, since))


def _debounce(setup: Setup, group: str | None, first: Target) -> Debounce:
    own = setup.config.reloads[group].debounce if group is not None else first.config.debounce
    return setup.config.debounce.overridden(own)


def _min_interval_s(setup: Setup, group: str | None) -> float:
    return setup.config.reloads[group].min_interval if group is not None else 0.0
