"""The protections of files, reloads and of one target against another, each as a function that takes it out."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from syncd.core.errors import StateError
from syncd.core.model import Entry
from syncd.engine import current, files, planning, reading, remembering, transaction
from syncd.engine.backups import Backups
from syncd.engine.daemon import worker
from syncd.engine.journal import Journal
from syncd.engine.render_limits import RENDER_MAX_S


def ends_with_one_plan() -> None:
    """A target that cannot be planned ends the whole daemon."""
    original = planning.plan_target

    async def plan_target(*args: Any, **kwargs: Any) -> planning.Planned:
        planned = await original(*args, **kwargs)
        if planned.plan.error is not None:
            os._exit(70)
        return planned

    worker.plan_target = plan_target


def one_at_a_time() -> None:
    """All targets share one turn."""
    turn = asyncio.Lock()
    original = worker.Worker._pass

    async def wait_for_the_others(self: worker.Worker) -> None:
        async with turn:
            await original(self)

    worker.Worker._pass = wait_for_the_others  # type: ignore[method-assign]


def renders_in_the_loop() -> None:
    """A rendering may keep everybody waiting for as long as its time limit is."""

    async def render(target: Any, snapshot: Any, _templates: Any = None) -> reading.Rendered:
        return reading.render(target, snapshot, RENDER_MAX_S)

    reading.render_aside = render


def renames_over_anything() -> None:
    """Nobody looks whether a file is mounted on its own."""
    files.mounted = lambda _path: False


def replaces_links() -> None:
    """A link is a file like any other."""
    files.real = lambda path: path


def believes_the_journal() -> None:
    """What was written is still there: nobody looks."""
    original = planning.current.current_entry

    def entry(target: Any, state: Any, written: Any, **more: Any) -> Entry | None:
        wanted = state.desired.entries.get(target.config.path)
        if written is not None and wanted is not None and written.digest == wanted.digest:
            return replace(wanted, owner=more["owner"])
        return original(target, state, written, **more)

    current.current_entry = entry


def owns_everything() -> None:
    """Whatever stands at a target's path is ours."""
    original = current.current_entry

    def entry(*args: Any, **more: Any) -> Entry | None:
        found = original(*args, **more)
        return replace(found, owner=more["owner"]) if found is not None else None

    current.current_entry = entry


def begins_unwritten() -> None:
    """A transaction begins and ends whether the journal could be written or not."""

    def forgiving(original: Callable[..., None]) -> Callable[..., None]:
        def write(*args: Any, **kwargs: Any) -> None:
            with contextlib.suppress(StateError):
                original(*args, **kwargs)

        return write

    for name in ("begin", "finish", "rolled_back"):
        setattr(Journal, name, forgiving(getattr(Journal, name)))


def one_mark_for_all() -> None:
    """What lies beside an output is ours, whoever put it there."""
    original = Backups.__init__

    def init(self: Backups, folder: Path, _mark: Any) -> None:
        original(self, folder, lambda _make: "00000000")

    Backups.__init__ = init  # type: ignore[method-assign]


def forgets_backups_with_the_journal() -> None:
    """Where the journal is lost nobody looks for what it would have undone."""

    def begin_again(*_: Any) -> Mapping[Path, str]:
        return {}

    remembering.begin_again = begin_again  # type: ignore[assignment]


def keeps_their_owner() -> None:
    """A mounted file that is written back keeps the owner of what was refused."""
    original = transaction.step_of

    def step_of(*args: Any) -> Any:
        return replace(original(*args), uid=None, gid=None)

    transaction.step_of = step_of


PROTECTIONS: dict[str, Callable[[], None]] = {
    one.__name__: one
    for one in (
        ends_with_one_plan,
        one_at_a_time,
        renders_in_the_loop,
        renames_over_anything,
        replaces_links,
        believes_the_journal,
        owns_everything,
        begins_unwritten,
        one_mark_for_all,
        forgets_backups_with_the_journal,
        keeps_their_owner,
    )
}
