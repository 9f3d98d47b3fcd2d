"""`python -m bench [PART]…`: measure, print each figure; write docs/benchmarks.md where every part was measured."""

import argparse
import os
import sys
import time
from contextlib import suppress
from importlib import import_module

import pytest

from bench.machine import machine
from bench.place import opened
from bench.report import Row, line, markdown
from tests.support.binaries import ROOT

PARTS = ("change", "many", "start", "burst", "edge", "idle")
NICE = -15
"""So much other programs of a busy machine stand back, where we may ask for that."""
REPORT = ROOT / "docs/benchmarks.md"


def main() -> int:
    """Return 1 where a bound is missed, or a server is not there."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    chosen = tuple(parser.parse_args().parts) or PARTS
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    with suppress(PermissionError):
        os.nice(NICE)  # for all that is started below: servers, floor and syncd alike
    try:
        rows = _measured(chosen)
    except pytest.skip.Exception as missing:  # the words of tests.support.binaries
        print(missing, file=sys.stderr)
        return 1
    if chosen == PARTS:
        REPORT.write_text(markdown(rows, machine()))
        print(f"written: {REPORT.relative_to(ROOT)}")
    return 0 if all(row.reached for row in rows) else 1


def _measured(parts: tuple[str, ...]) -> list[Row]:
    rows: list[Row] = []
    with opened() as place:
        for part in parts:
            begun = time.monotonic()
            for row in import_module(f"bench.parts.{part}").measure(place):
                rows.append(row)
                print(line(row), flush=True)
            print(f"  ({part}: {time.monotonic() - begun:.0f} s)", flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
