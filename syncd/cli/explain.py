"""`syncd explain`: where it comes from, and why it is or is not in sync."""

import os
from typing import Annotated

import typer

from syncd.cli import completion, options, output, session

_UNREADABLE = 1


def explain(
    context: typer.Context,
    target: Annotated[
        str, typer.Argument(metavar="TARGET", autocompletion=completion.target_names, help="A target of the config.")
    ],
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A variable or pair, a key that feeds some, or a line of the file."),
    ] = None,
    form: Annotated[
        options.StatusFormat, typer.Option("--format", help="How the explanation is written.")
    ] = options.StatusFormat.text,
    timeout: options.Timeout = "60s",
    source: options.SourceFile = None,
    config: options.Config = None,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
) -> int:
    """Say where each variable, pair or line comes from, and why it is or is not in sync."""
    given = session.start(context, config, log_format, log_level)
    from syncd.engine.deadline import Deadline
    from syncd.engine.explaining import explain as engine

    deadline = Deadline(options.seconds("--timeout", timeout))
    loaded = session.load(given)
    found = session.work(
        loaded,
        source,
        deadline,
        lambda setup, opened: engine(
            setup, opened, target, name, deadline=deadline, env=os.environ, locate=loaded.locate
        ),
    )
    if form is options.StatusFormat.json:
        from syncd.core.explain.as_json import document

        with output.to_stdout():
            output.write_json(document(found))
    else:
        from syncd.core.explain.lines import lines

        output.write_lines(lines(found, detail=name is not None))
    return _UNREADABLE if found.unreadable else 0
