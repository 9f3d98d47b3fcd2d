"""The rows of the report and its Markdown. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure: what was done, what was measured in words, the number that the bound is about, and the bound.

    `bound` None: only told, nothing is promised.
    """

    part: str
    work: str
    measured: str
    figure: float
    bound: float | None
    unit: str = "×"
    exact: bool = False
    """True where the figure must be the bound, not just at most."""

    @property
    def reached(self) -> bool:
        """Return True where the bound is kept."""
        return self.bound is None or (self.figure == self.bound if self.exact else self.figure <= self.bound)


_HEAD = """\
# Benchmarks

Written by `make bench`; do not edit. `BENCH=NAME make bench` runs one part and prints it.

A figure in × is a ratio to a floor measured in the same run, in turn with it, on the same servers and the same disk.
For a change that arrives in a file the floor is [a bare loop](../bench/floor.py): blocking query, decode, render,
temporary file, fsync, rename and two commits, without any check, retry, comparison or log. Delays run from Consul's
acknowledgement of the write until the new content is visible under the file's name. CPU is user and system time of the
whole process. Debounce is 0 except in the burst.
"""


def markdown(rows: Sequence[Row], machine: Mapping[str, str]) -> str:
    """Return the report."""
    lines = [_HEAD, "| part | work | measured | figure | bound | reached |", "|---|---|---|---|---|---|"]
    lines += ["| " + " | ".join(_cells(row)) + " |" for row in rows]
    missed = sum(not row.reached for row in rows)
    lines += ["", f"{missed} of {len(rows)} figures miss their bound." if missed else "Every bound is reached.", ""]
    lines += ["| machine | |", "|---|---|"] + [f"| {name} | {value} |" for name, value in machine.items()]
    return "\n".join(lines) + "\n"


def line(row: Row) -> str:
    """Return one figure for a terminal."""
    verdict = "" if row.bound is None else f" ({'reached' if row.reached else 'MISSED'}: {_bound(row)})"
    return f"{row.work}: {number(row.figure, row.unit)}{verdict} {row.measured}".rstrip()


def number(value: float, unit: str) -> str:
    """Return a figure with its unit, three digits or a whole number."""
    text = f"{value:,.0f}" if value == int(value) or value >= 1000 else f"{value:.3g}"
    return f"{text} {unit}".strip()


def _cells(row: Row) -> tuple[str, ...]:
    return row.part, row.work, row.measured, number(row.figure, row.unit), _bound(row), _reached(row)


def _bound(row: Row) -> str:
    return "" if row.bound is None else f"{'=' if row.exact else '≤'} {number(row.bound, row.unit)}"


def _reached(row: Row) -> str:
    return "" if row.bound is None else "yes" if row.reached else "**no**"
