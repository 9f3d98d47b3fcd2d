"""`syncd plan`: the dry run."""

import os
from pathlib import Path
from typing import Annotated

import typer

from syncd.cli import options, output, session

_CHANGES_PENDING = 2
_READING_TIMEOUT_S = 60.0


def plan(
    context: typer.Context,
    target: options.Targets = None,
    form: options.Format = options.OutputFormat.text,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 where changes are pending.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Save the plan for `syncd apply`.")] = None,
    hide_values: Annotated[bool, typer.Option("--hide-values", help="Show no values, only what changes.")] = False,
    source: options.SourceFile = None,
    config: options.Config = None,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
) -> int:
    """Show what `once` would change; change nothing."""
    given = session.start(context, config, log_format, log_level)
    return run_plan(given, target or [], form, detailed_exitcode, out, hide_values, source)


def run_plan(
    given: options.Globals,
    selected: list[str],
    form: options.OutputFormat,
    detailed_exitcode: bool,
    out: Path | None,
    hide_values: bool,
    source: Path | None,
    timeout_s: float = _READING_TIMEOUT_S,
) -> int:
    """Plan, print, and return the exit code; `once --dry-run` is this too."""
    from syncd.engine import once as engine
    from syncd.engine.deadline import Deadline

    deadline = Deadline(timeout_s)
    result = session.work(
        session.load(given),
        source,
        deadline,
        lambda setup, opened: engine.plan(setup, opened, selected=selected, deadline=deadline, env=os.environ, out=out),
    )
    output.write_pass(result, form, hide_values=hide_values)
    pending = detailed_exitcode and not result.in_sync
    return result.exit_code or (_CHANGES_PENDING if pending else 0)
