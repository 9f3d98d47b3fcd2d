"""Writes results to stdout: coloured on a terminal, plain elsewhere."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncd.cli.options import OutputFormat

if TYPE_CHECKING:
    from syncd.core.report.lines import Line
    from syncd.core.report.model import PassResult

_STYLES = {
    "plain": "",
    "title": "bold",
    "create": "green",
    "update": "yellow",
    "delete": "red",
    "bad": "bold red",
    "dim": "dim",
}


@contextmanager
def to_stdout() -> Iterator[None]:
    """Write results: that nobody takes them changes neither what was done nor the exit code."""
    try:
        yield
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            print(f"syncd: the result cannot be written to stdout ({error.strerror})", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_pass(
    result: "PassResult", form: OutputFormat, *, hide_values: bool = False, markdown_file: Path | None = None
) -> None:
    """Write one pass in the given format, and as Markdown into a file as well where one is given."""
    if markdown_file is not None:
        _save_markdown(result, markdown_file, hide_values)
    with to_stdout():
        if form is OutputFormat.json:
            from syncd.core.report.as_json import document

            write_json(document(result, hide_values=hide_values))
        elif form is OutputFormat.markdown:
            from syncd.core.report.as_markdown import document as markdown

            sys.stdout.write(markdown(result, hide_values=hide_values))
        else:
            _write_text(result, hide_values)
        sys.stdout.flush()


def _save_markdown(result: "PassResult", path: Path, hide_values: bool) -> None:
    """Write the file; where it cannot be, that is said, and changes neither what was done nor the exit code."""
    from syncd.core.report.as_markdown import document

    try:
        path.write_text(document(result, hide_values=hide_values), encoding="utf-8")
    except OSError as error:
        print(f"syncd: --markdown {path}: cannot be written ({error.strerror}); name another file", file=sys.stderr)


def write_json(document: dict[str, Any]) -> None:
    """Write a JSON document, indented."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def _write_text(result: "PassResult", hide_values: bool) -> None:
    from syncd.core.report.lines import lines

    _print(lines(result, hide_values=hide_values))


def write_lines(lines: "Iterable[Line]") -> None:
    """Write lines of text."""
    with to_stdout():
        _print(lines)
        sys.stdout.flush()


def _print(lines: "Iterable[Line]") -> None:
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        for line in lines:
            print(line.text)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for line in lines:
        console.print(Text(line.text, style=_STYLES[line.style]), soft_wrap=True)
