"""`syncd pause` and `syncd resume`: what the daemon and `once` leave alone until it is resumed."""

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli import completion, options, session
from syncd.core.errors import UsageError

if TYPE_CHECKING:
    from syncd.engine.pausing import Pause, Pauses

Which = Annotated[
    str | None,
    typer.Argument(metavar="TARGET", autocompletion=completion.target_names, help="A target; none for all."),
]


def pause(
    context: typer.Context,
    target: Which = None,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, as the status shows it.")] = "",
    config: options.Config = None,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
) -> int:
    """Apply nothing to a target, or have the daemon apply nothing at all, until it is resumed."""
    given = session.start(context, config, log_format, log_level)
    from syncd.engine.pausing import Pause

    found = session.operated(given)
    if target is not None and not found.knows(target):
        raise UsageError(f"{target}: no such target; the config {found.has()}")
    found.state.ensure()
    pauses = found.state.pauses
    before = pauses.everything() if target is None else pauses.of(target)
    if before is not None:
        return _paused_already(pauses, target, before, why)
    if target is None:
        pauses.put_everything(why)
        print("paused: the daemon plans and applies nothing; `syncd resume` lets it go on")
        return 0
    pauses.put(target, Pause(time.time(), why))
    print(f"{target} is paused; `syncd resume {target}` lets it follow again")
    return 0


def _paused_already(pauses: "Pauses", target: str | None, before: "Pause", why: str) -> int:
    """Have a pause that is there stay since when it is; a new reason takes the place of its own."""
    if why and target is None:
        pauses.put_everything(why, since=before.since)
    elif why and target is not None:
        pauses.put(target, replace(before, why=why))
    who = "everything" if target is None else target
    print(f"{who} is paused already{'; the reason is the new one now' if why else ''}")
    return 0


def resume(
    context: typer.Context,
    target: Which = None,
    config: options.Config = None,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
) -> int:
    """Let a target, or the daemon, go on after a pause; the next pass brings it in line."""
    given = session.start(context, config, log_format, log_level)
    found = session.operated(given)
    pauses = found.state.pauses
    paused = pauses.targets()
    if target is not None:
        if not found.knows(target) and target not in paused:
            raise UsageError(f"{target}: no such target; the config {found.has()}")
        print(f"{target} follows again" if pauses.drop(target) else f"{target} was not paused by itself")
        if pauses.everything() is not None:
            print("everything is still paused: syncd resume")
        return 0
    print("the daemon goes on" if pauses.drop_everything() else "the daemon was not paused as a whole")
    for name in paused:
        print(f"still paused by itself: {name}; `syncd resume {name}` lets it follow again")
    return 0
