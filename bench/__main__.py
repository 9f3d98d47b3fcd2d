"""`python -m bench [PART]…`: measure, print, and write docs/benchmarks.md where every part was run."""

import sys
import time
from importlib import import_module

from bench.place import opened
from bench.report import Row, number

PARTS = ("change",)


def main(names: list[str]) -> int:
    rows: list[Row] = []
    with opened() as place:
        for name in names or PARTS:
            begun = time.monotonic()
            for row in import_module(f"bench.parts.{name}").measure(place):
                print(f"{row.work}: {number(row.figure, row.unit)} (bound {row.bound}) {row.measured} {'' if row.reached else 'MISSED'}", flush=True)
                rows.append(row)
            print(f"  {name}: {time.monotonic() - begun:.0f} s")
    return 0 if all(row.reached for row in rows) else 1

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
