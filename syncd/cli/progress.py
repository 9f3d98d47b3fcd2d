"""A bar for each long push, on stderr; nothing where that is no terminal, or where colour is not wanted."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from syncd.targets.base import Progress

LONG = 1_000
"""Changes; what is shorter is one request, and over before anybody has read a bar."""
_NAME = 28
"""Characters of a target's name: the line fits in 80 columns."""


@contextmanager
def bars() -> Iterator[Callable[[str], "Progress"]]:
    """Give what makes the reporter of a target's push; the bars are gone when the block ends."""
    if not sys.stderr.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        yield lambda _target: lambda _done, _total: None
        return
    shown: list[Bars] = []
    try:
        yield lambda target: _reporter(shown, target)
    finally:
        for one in shown:
            one.stop()


def _reporter(shown: "list[Bars]", target: str) -> "Progress":
    tasks: list[TaskID] = []

    def report(done: int, total: int) -> None:
        if total <= LONG:
            return
        if not shown:
            shown.append(_started())
        if not tasks:
            name = target if len(target) <= _NAME else target[: _NAME - 1] + "…"
            tasks.append(shown[0].add_task(name, total=total))
        shown[0].update(tasks[0], completed=done)

    return report


def _started() -> "Bars":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
    )
    bars = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)
    bars.start()
    return bars
