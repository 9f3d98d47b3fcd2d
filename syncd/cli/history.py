"""`syncd history` and `syncd show`: what was applied, and when."""

from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli import options, output, session
from syncd.core.errors import UsageError

if TYPE_CHECKING:
    from syncd.engine.journal import Journal

_SHOWN = 20


def history(
    context: typer.Context,
    target: options.Targets = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, help=f"The newest so many; default {_SHOWN}, 0 for all.")
    ] = _SHOWN,
    form: Annotated[
        options.StatusFormat, typer.Option("--format", help="How the history is written.")
    ] = options.StatusFormat.text,
    config: options.Config = None,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
) -> int:
    """List what was applied, rolled back or refused, the newest first."""
    given = session.start(context, config, log_format, log_level)
    journal = _open(given, target or [])
    try:
        entries = journal.history.entries(tuple(target or ()), limit or -1)
    finally:
        journal.close()
    if form is options.StatusFormat.json:
        from syncd.core.history.as_json import document

        with output.to_stdout():
            output.write_json({"entries": [document(one) for one in entries]})
    else:
        from syncd.core.history.lines import list_lines

        output.write_lines(list_lines(entries))
    return 0


def show(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="ID", help="An entry of `syncd history`.")],
    form: Annotated[
        options.StatusFormat, typer.Option("--format", help="How the entry is written.")
    ] = options.StatusFormat.text,
    config: options.Config = None,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
) -> int:
    """Show one entry of the history: the diff as it was applied."""
    entry = options.entry_id("ID", number)
    given = session.start(context, config, log_format, log_level)
    journal = _open(given, [])
    try:
        found = journal.history.detail(entry)
    finally:
        journal.close()
    if found is None:
        raise UsageError(f"{entry}: the history has no such entry; `syncd history` lists them")
    if form is options.StatusFormat.json:
        from syncd.core.history.as_json import detail_document

        with output.to_stdout():
            output.write_json(detail_document(found))
    else:
        from syncd.core.history.lines import detail_lines

        output.write_lines(detail_lines(found))
    return 0


def _open(given: options.Globals, targets: list[str]) -> "Journal":
    """Return a copy of the journal; of a target that left the config it may know still."""
    from syncd.engine.history.forgetting import hide_sensitive
    from syncd.engine.journal import Journal

    found = session.operated(given)
    journal = Journal.snapshot(found.state.journal)
    if found.loaded is not None:
        hide_sensitive(journal, found.loaded.config)
    for name in targets:
        if (found.loaded is None or not found.knows(name)) and not journal.history.knows(name):
            journal.close()
            raise UsageError(f"--target {name}: no such target; the config {found.has()}")
    return journal
