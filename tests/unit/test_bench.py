"""The benchmark: its floor is as durable as syncd, and its report says what was missed. Nothing is timed here."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from bench import floor
from bench.__main__ import PARTS
from bench.place import p95
from bench.report import Row, line, markdown
from syncd.engine import journal_file
from tests.support.binaries import ROOT

RATIO = Row("change", "change → file", "median 3.00 ms, floor 2.00 ms", 1.5, 1.6)
MISSED = Row("idle", "idle: CPU", "", 0.3, 0.2, "%")
COUNT = Row("edge", "pairs", "", 10_000, 10_000, "", exact=True)


@pytest.mark.parametrize("pragma", ["journal_mode", "synchronous"])
def test_the_floor_is_as_durable_as_the_journal(tmp_path: Path, pragma: str) -> None:
    """Else its two commits would be cheaper than ours, and the ratio would say nothing."""
    databases = floor.open_journal(tmp_path / "floor.db"), journal_file.connect(tmp_path / "ours.db")
    theirs, ours = (database.execute(f"PRAGMA {pragma}").fetchone() for database in databases)
    assert theirs == ours


def test_the_floor_replaces_a_file(tmp_path: Path) -> None:
    """The whole content, 0644, nothing left beside it, and nothing left open in its journal."""
    journal = floor.open_journal(tmp_path / "floor.db")
    for content in (b"first, and longer", b"second"):
        floor.replace(tmp_path / "a", content, journal)
    assert (tmp_path / "a").read_bytes() == b"second"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
    assert {path.name for path in tmp_path.iterdir()} - {"floor.db-journal"} == {"a", "floor.db"}
    assert journal.execute("SELECT count(*) FROM intents").fetchone() == (0,)


def test_the_report() -> None:
    """Each figure with its bound and verdict; how many are missed; the machine."""
    text = markdown([RATIO, MISSED, COUNT], {"kernel": "Linux 6"})
    assert "| change | change → file | median 3.00 ms, floor 2.00 ms | 1.5 × | ≤ 1.6 × | yes |" in text
    assert "| idle | idle: CPU |  | 0.3 % | ≤ 0.2 % | **no** |" in text
    assert "| edge | pairs |  | 10,000 | = 10,000 | yes |" in text
    assert "1 of 3 figures miss their bound." in text
    assert "| kernel | Linux 6 |" in text
    assert "Every bound is reached." in markdown([RATIO], {})
    assert line(MISSED) == "idle: CPU: 0.3 % (MISSED: ≤ 0.2 %)"


def test_an_exact_count_may_not_be_less() -> None:
    """One rendering is wanted, none is as wrong as two."""
    assert [Row("many", "", "", found, 1, "", exact=True).reached for found in (0, 1, 2)] == [False, True, False]


def test_p95() -> None:
    """Of a hundred values five are above it."""
    values = [float(value) for value in range(100)]
    assert sum(value > p95(values) for value in values) == 5


@pytest.mark.parametrize("part", PARTS)
def test_every_part_can_be_measured(part: str) -> None:
    """Each has a `measure`."""
    assert callable(import_module(f"bench.parts.{part}").measure)


def test_an_unknown_part_is_refused() -> None:
    """Before any server is started; the message names the parts."""
    argv = [sys.executable, "-m", "bench", "nothing"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "there are change, many" in done.stderr
