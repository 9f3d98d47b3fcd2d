"""The protections against targets that fail, each as a function that takes it out; see `support.unprotected`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import stamina

from syncd.engine import applying, files, planning, transaction
from syncd.engine.daemon import worker
from syncd.engine.journal import Journal
from syncd.reloads import command
from syncd.targets.cloudflare import calls, faults, wire
from syncd.targets.cloudflare import desired as wants
from syncd.targets.cloudflare.budget import Budget
from syncd.targets.cloudflare.ledger import Ledger
from tests.faults.target.unguarded import PROTECTIONS as MORE


def believes_any_answer() -> None:
    """What the API answers is a success, whatever it says."""

    def understood(reply: faults.Reply, kind: Any, _place: faults.Place, _utc: datetime) -> Any:
        try:
            return msgspec.structs.replace(msgspec.json.decode(reply.body, type=kind), success=True)
        except msgspec.DecodeError:
            return wire.Answer(success=True)

    calls.understood = understood  # type: ignore[assignment]


def believes_silence() -> None:
    """A call whose connection is cut was carried out."""
    original = calls.Calls._try

    async def try_once(self: calls.Calls, *args: Any) -> Any:
        try:
            return await original(self, *args)
        except faults.ApiFault as fault:
            if fault.status:
                raise
            return wire.Answer(success=True)

    calls.Calls._try = try_once  # type: ignore[method-assign]


def ignores_unsuccessful_keys() -> None:
    """A bulk that is answered 200 is written."""
    original = calls.Calls._bulk

    async def bulk(self: calls.Calls, *args: Any) -> Sequence[str]:
        await original(self, *args)
        return ()

    calls.Calls._bulk = bulk  # type: ignore[method-assign]


def forgets_waits() -> None:
    """Nobody remembers for how long the API wants no calls."""
    Budget.block = lambda *_: None  # type: ignore[method-assign]
    faults._retry_after_s = lambda *_: None  # type: ignore[assignment]
    faults._until_midnight_s = lambda _: 0.0


def no_distance() -> None:
    """The same key may be written again at once."""
    stamina.set_testing(True, attempts=calls.TRIES)
    Ledger.ready_in = lambda *_: 0.0  # type: ignore[method-assign]


def no_ledger() -> None:
    """What a list says is so, though we wrote otherwise a moment ago."""
    Ledger.correct = lambda *_: None  # type: ignore[method-assign]


def ends_at_an_empty_page() -> None:
    """An empty page is the end of a list."""
    original = calls.Calls.page

    async def page(self: calls.Calls, *args: Any) -> tuple[Sequence[wire.Row], str]:
        rows, cursor = await original(self, *args)
        return rows, cursor if rows else ""

    calls.Calls.page = page  # type: ignore[method-assign]


def sends_anything() -> None:
    """Nothing is measured before it is sent."""
    wants.refused = lambda *_: None  # type: ignore[assignment]


def no_budget() -> None:
    """Calls are not counted."""

    async def take(*_: object) -> None:
        return

    Budget.take = take  # type: ignore[method-assign]


def all_for_one() -> None:
    """What one target cannot do ends the whole daemon."""

    def end(*_: object, **__: object) -> None:
        os._exit(70)

    applying._failure = end  # type: ignore[assignment]
    worker.Worker._failed = end  # type: ignore[assignment,method-assign]


def in_place() -> None:
    """Files are written where they are."""

    def swap(_step: Any, wanted: files.Wanted) -> None:
        files._make_parents(wanted.path.parent, 0o755)
        wanted.path.write_bytes(wanted.content)
        wanted.path.chmod(wanted.mode)

    files.stage = lambda *_: None
    transaction._swap = swap
    transaction._roll_back = lambda *_: None


def no_recovery() -> None:
    """What a killed pass left is not looked at."""
    from syncd.engine import once
    from syncd.engine.daemon import daemon as running

    once.recover = running.recover = lambda *_: []
    applying.unstick = lambda *_: None
    planning.interrupted = lambda *_: {}  # type: ignore[attr-defined]
    original = Journal.begin

    def begin(self: Journal, group: str, steps: Sequence[Mapping[str, Any]]) -> None:
        self.rolled_back(group)
        original(self, group, steps)

    Journal.begin = begin  # type: ignore[method-assign]


def forgets_owed_reloads() -> None:
    """A reload is due where this pass changed files."""
    changed: set[str] = set()
    original = Journal.finish

    def finish(self: Journal, *args: Any) -> None:
        original(self, *args)
        if args[3] is not None:
            changed.add(args[3])

    def owed(_self: Journal) -> dict[str, str]:
        found = dict.fromkeys(changed, "files changed")
        changed.clear()
        return found

    Journal.finish, Journal.owed = finish, owed  # type: ignore[method-assign]


def no_check() -> None:
    """Nothing is checked."""
    original = transaction.replace_files

    async def replace_files(*args: Any, **kwargs: Any) -> None:
        await original(*args, **{**kwargs, "check": None})

    applying.replace_files = replace_files


def ends_only_the_leader() -> None:
    """Of a command that hangs only its first process is ended."""

    async def end(process: Any) -> None:
        process.kill()
        await process.wait()

    command._end_group = end


def patient_reload() -> None:
    """A command may take as long as it likes."""

    async def wait(_self: Any, process: Any, _output: Any) -> int:
        return int(await process.wait())

    command.CommandReload._wait = wait  # type: ignore[assignment,method-assign]


def backup_in_the_open() -> None:
    """A backup has its name before it is whole."""

    def put_aside(kept: files.Wanted, backup: Path, like: files.Present | None) -> None:
        files.stage(kept, backup, like)

    files._put_aside = put_aside


PROTECTIONS: dict[str, Callable[[], None]] = MORE | {
    one.__name__: one
    for one in (
        believes_any_answer,
        ignores_unsuccessful_keys,
        forgets_waits,
        no_distance,
        no_ledger,
        ends_at_an_empty_page,
        sends_anything,
        no_budget,
        all_for_one,
        in_place,
        no_recovery,
        forgets_owed_reloads,
        no_check,
        ends_only_the_leader,
        patient_reload,
        backup_in_the_open,
        believes_silence,
    )
}
