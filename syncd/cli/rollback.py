"""`syncd rollback`: what a target held, put back."""

import asyncio
import os
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli import completion, options, session
from syncd.core.errors import ConfigError

if TYPE_CHECKING:
    from syncd.engine.deadline import Deadline
    from syncd.engine.pausing import Undo

_EXIT = {"done": 0, "failed": 1, "refused": 3}


def rollback(
    context: typer.Context,
    target: Annotated[
        str, typer.Argument(metavar="TARGET", autocompletion=completion.target_names, help="A target of the config.")
    ],
    to: Annotated[str, typer.Option("--to", metavar="ID", help="The entry of `syncd history` to go back to.")],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, as the status shows it.")] = "",
    timeout: options.Timeout = "60s",
    config: options.Config = None,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
) -> int:
    """Put back what a target held after an entry of the history, and pause it."""
    given = session.start(context, config, log_format, log_level)
    entry = options.entry_id("--to", to)
    from syncd.engine.deadline import Deadline

    deadline = Deadline(options.seconds("--timeout", timeout))
    undo = _roll_back(given, target, entry, why, deadline)
    if undo.state == "done":
        print(f"{target}: rolled back to {to}: {undo.said}")
    else:
        print(f"{target}: the rollback to {to} failed: {undo.said}")
    print(f"{target} is paused; `syncd resume {target}` lets it follow again")
    return _EXIT[undo.state]


def _roll_back(given: options.Globals, target: str, entry: int, why: str, deadline: "Deadline") -> "Undo":
    """Roll back, or ask the daemon to, which needs no config: that may have been broken since the daemon loaded it."""
    from syncd.engine.asking import ask_without_config
    from syncd.engine.rolling_back import roll_back_or_ask

    try:
        loaded = session.load(given)
    except ConfigError:
        found = session.operated(given)
        asked = asyncio.run(ask_without_config(found.state, target, entry, why, deadline))
        if asked is None:
            raise
        return asked
    return session.work(
        loaded,
        None,
        deadline,
        lambda setup, _source: roll_back_or_ask(setup, target, entry, why, deadline, os.environ),
    )
