"""Reads the tables of a Markdown page: rows under their heading, and what is written as code in their cells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_CELL = re.compile(r"(?<!\\)\|")
_CODE = re.compile(r"`([^`]+)`")
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


class Row(NamedTuple):
    """One row of a table: the heading above it, the table's own head, and its cells, with `\\|` as `|`."""

    section: str
    head: tuple[str, ...]
    cells: tuple[str, ...]
    line: int

    def codes(self, cell: int) -> list[str]:
        """Return what is written as code in a cell."""
        return codes(self.cells[cell])


def codes(text: str) -> list[str]:
    """Return what is written as code in a text."""
    return _CODE.findall(text)


def rows(page: Path) -> Iterator[Row]:
    """Yield the rows of all tables of a page, without their heads."""
    section, head = "", tuple[str, ...]()
    # Fenced blocks become as many empty lines, so that line numbers stay right.
    text = _FENCED.sub(lambda block: "\n" * block.group().count("\n"), page.read_text())
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            section = line.lstrip("#").strip()
        if not line.startswith("|"):
            head = ()
        elif not head:
            head = _cells(line)
        elif set(line) - set("|-: "):
            cells = _cells(line)
            assert len(cells) == len(head), f"{page.name}:{number}: {len(cells)} cells below a head of {len(head)}"
            yield Row(section, head, cells, number)


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip().replace("\\|", "|") for cell in _CELL.split(line.strip()[1:-1]))
