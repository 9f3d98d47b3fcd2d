"""`syncd once`: one pass."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli import options, output, session
from syncd.cli.plan import run_plan
from syncd.cli.progress import bars

if TYPE_CHECKING:
    from syncd.engine.planfile import SavedPlan


def once(
    context: typer.Context,
    target: options.Targets = None,
    force: options.Force = False,
    timeout: options.Timeout = "60s",
    form: options.Format = options.OutputFormat.text,
    hide_values: options.HideValues = False,
    markdown_file: options.MarkdownFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change: the same as plan.")] = False,
    source: options.SourceFile = None,
    config: options.Config = None,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
) -> int:
    """Bring every target in line once: read, plan, apply, reload, report."""
    given = session.start(context, config, log_format, log_level)
    timeout_s = options.seconds("--timeout", timeout)
    if dry_run:
        return run_plan(given, target or [], form, False, None, hide_values, markdown_file, source, timeout_s)
    return run_once(given, target or [], force, timeout_s, form, hide_values, markdown_file, source)


def run_once(
    given: options.Globals,
    selected: list[str],
    force: bool,
    timeout_s: float,
    form: options.OutputFormat,
    hide_values: bool,
    markdown_file: Path | None,
    source: Path | None,
    saved: "SavedPlan | None" = None,
) -> int:
    """Carry out one pass, or exactly a saved plan; print, and return the exit code."""
    import structlog

    from syncd.engine import once as engine
    from syncd.engine.applying import Conditions
    from syncd.engine.deadline import Deadline
    from syncd.engine.waiting import no_wait, window

    deadline = Deadline(timeout_s)
    log = structlog.get_logger()
    with bars() as progress:
        conditions = Conditions(deadline, force, progress=progress, waits=no_wait if force else window)
        result = session.work(
            session.load(given),
            source,
            deadline,
            lambda setup, opened: engine.once(
                setup,
                opened,
                selected=selected,
                conditions=conditions,
                env=os.environ,
                command="apply" if saved else "once",
                saved=saved,
                recovered=lambda groups: log.warning("transaction_rolled_back", groups=groups),
            ),
        )
    output.write_pass(result, form, hide_values=hide_values, markdown_file=markdown_file)
    return result.exit_code
