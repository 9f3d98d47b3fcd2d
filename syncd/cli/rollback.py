"""`syncd rollback`: what a target held, put back."""

import os
from typing import Annotated

import typer

from syncd.cli import completion, options, session

_EXIT = {"done": 0, "failed": 1, "refused": 3}


def rollback(
    context: typer.Context,
    target: Annotated[
        str, typer.Argument(metavar="TARGET", autocompletion=completion.target_names, help="A target of the config.")
    ],
    to: Annotated[int, typer.Option("--to", metavar="ID", help="The entry of `syncd history` to go back to.")],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, as the status shows it.")] = "",
    timeout: options.Timeout = "60s",
    config: options.Config = None,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
) -> int:
    """Put back what a target held after an entry of the history, and pause it."""
    given = session.start(context, config, log_format, log_level)
    from syncd.engine.deadline import Deadline
    from syncd.engine.rolling_back import roll_back_or_ask

    deadline = Deadline(options.seconds("--timeout", timeout))
    undo = session.work(
        session.load(given),
        None,
        deadline,
        lambda setup, _source: roll_back_or_ask(setup, target, to, why, deadline, os.environ),
    )
    if undo.state == "done":
        print(f"{target}: rolled back to {to}: {undo.said}")
    else:
        print(f"{target}: the rollback to {to} failed: {undo.said}")
    print(f"{target} is paused; `syncd resume {target}` lets it follow again")
    return _EXIT[undo.state]
