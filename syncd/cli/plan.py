"""`syncd plan`: the dry run."""

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from syncd.cli import options, output, session
from syncd.core.errors import SyncdError
from syncd.core.printable import printable

_CHANGES_PENDING = 2


def plan(
    context: typer.Context,
    target: options.Targets = None,
    form: options.Format = options.OutputFormat.text,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 where changes are pending.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Save the plan for `syncd apply`.")] = None,
    hide_values: options.HideValues = False,
    markdown_file: options.MarkdownFile = None,
    timeout: options.Timeout = "60s",
    source: options.SourceFile = None,
    config: options.Config = None,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
) -> int:
    """Show what `once` would change; change nothing."""
    given = session.start(context, config, log_format, log_level)
    timeout_s = options.seconds("--timeout", timeout)
    return run_plan(given, target or [], form, detailed_exitcode, out, hide_values, markdown_file, source, timeout_s)


def run_plan(
    given: options.Globals,
    selected: list[str],
    form: options.OutputFormat,
    detailed_exitcode: bool,
    out: Path | None,
    hide_values: bool,
    markdown_file: Path | None,
    source: Path | None,
    timeout_s: float,
) -> int:
    """Plan, print, and return the exit code; `once --dry-run` is this too."""
    from syncd.engine import once as engine
    from syncd.engine import planfile
    from syncd.engine.deadline import Deadline

    deadline = Deadline(timeout_s)
    loaded = session.load(given)
    result, key = session.work(
        loaded,
        source,
        deadline,
        lambda setup, opened: engine.plan(setup, opened, selected=selected, deadline=deadline, env=os.environ),
    )
    refusal: SyncdError | None = None
    if out is not None:
        try:
            planfile.save(result, out, key)
        except SyncdError as error:
            refusal = error
    output.write_pass(result, form, hide_values=hide_values, markdown_file=markdown_file)
    if (paused := session.state_of(loaded).pauses.status()) is not None:
        print(printable(f"warning: the daemon applies none of it: {paused.words()}"), file=sys.stderr)
    if refusal is not None:
        raise refusal
    if out is not None:
        print(f"saved to {out}; carry it out with: syncd apply {shlex.quote(str(out))}", file=sys.stderr)
    pending = detailed_exitcode and not result.in_sync
    return result.exit_code or (_CHANGES_PENDING if pending else 0)
