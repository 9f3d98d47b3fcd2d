"""`syncd pause` and `syncd resume`: what the daemon and `once` leave alone until it is resumed."""

import time
from typing import Annotated

import typer

from syncd.cli import completion, options, session
from syncd.core.errors import UsageError

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

    loaded = session.load(given, offline=True)
    state = session.state_of(loaded)
    if target is not None and target not in loaded.config.targets:
        raise UsageError(f"{target}: no such target; the config has {', '.join(loaded.config.targets)}")
    state.ensure()
    if target is None:
        state.pauses.put_everything(why)
        print("paused: the daemon plans and applies nothing; `syncd resume` lets it go on")
        return 0
    if state.pauses.of(target) is not None:
        print(f"{target} is paused already")
        return 0
    state.pauses.put(target, Pause(time.time(), why))
    print(f"{target} is paused; `syncd resume {target}` lets it follow again")
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
    loaded = session.load(given, offline=True)
    pauses = session.state_of(loaded).pauses
    paused = pauses.targets()
    if target is not None:
        if target not in loaded.config.targets and target not in paused:
            raise UsageError(f"{target}: no such target; the config has {', '.join(loaded.config.targets)}")
        print(f"{target} follows again" if pauses.drop(target) else f"{target} was not paused by itself")
        if pauses.everything() is not None:
            print("everything is still paused: syncd resume")
        return 0
    print("the daemon goes on" if pauses.drop_everything() else "the daemon was not paused as a whole")
    for name in paused:
        print(f"still paused by itself: {name}; `syncd resume {name}` lets it follow again")
    return 0
