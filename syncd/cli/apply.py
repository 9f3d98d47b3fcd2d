"""`syncd apply`: exactly a saved plan, or nothing."""

from pathlib import Path
from typing import Annotated

import typer

from syncd.cli import options, session
from syncd.cli.once import run_once


def apply(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A plan saved by `syncd plan --out`.")],
    force: options.Force = False,
    timeout: options.Timeout = "60s",
    form: options.Format = options.OutputFormat.text,
    hide_values: options.HideValues = False,
    markdown_file: options.MarkdownFile = None,
    source: options.SourceFile = None,
    config: options.Config = None,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
) -> int:
    """Carry out exactly a saved plan; refuse and touch nothing if anything it covers moved."""
    given = session.start(context, config, log_format, log_level)
    timeout_s = options.seconds("--timeout", timeout)
    from syncd.engine import planfile

    saved = planfile.load(file)
    return run_once(given, list(saved.selected), force, timeout_s, form, hide_values, markdown_file, source, saved)
