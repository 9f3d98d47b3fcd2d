"""`syncd graph`: which keys feed which targets and reloads."""

import os
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli import options, output, session

if TYPE_CHECKING:
    from syncd.core.graph.model import Graph


class GraphFormat(StrEnum):
    """How the graph is written to stdout."""

    text = "text"
    mermaid = "mermaid"


def graph(
    context: typer.Context,
    form: Annotated[GraphFormat, typer.Option("--format", help="How the graph is written.")] = GraphFormat.text,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask Consul: show what config and templates name.")
    ] = False,
    timeout: options.Timeout = "60s",
    source: options.SourceFile = None,
    config: options.Config = None,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
) -> int:
    """Show which keys, services and templates feed which targets, and which reloads they set off."""
    given = session.start(context, config, log_format, log_level)
    loaded = session.load(given, offline=offline)
    from syncd.engine.deadline import Deadline
    from syncd.engine.graphing import named, read
    from syncd.engine.setup import build

    deadline = Deadline(options.seconds("--timeout", timeout))
    if offline:
        found = named(build(loaded, os.environ))
    else:
        found = session.work(loaded, source, deadline, lambda setup, opened: read(setup, opened, deadline))
    _write(found, form)
    return 0


def _write(found: "Graph", form: GraphFormat) -> None:
    if form is GraphFormat.text:
        from syncd.core.graph.as_text import lines

        output.write_lines(lines(found))
        return
    from syncd.core.graph.as_mermaid import document

    with output.to_stdout():
        sys.stdout.write(document(found))
        sys.stdout.flush()
