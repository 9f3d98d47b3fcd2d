"""What the fault tests proved, as JSON lines, and the table that `make faults` makes of it.

`record` does nothing but its own assertions unless `FAULTS_REPORT` names a file: `make test` needs no report.
`python -m tests.faults.support.report LINES PAGE` writes the page.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_HEAD = """\
# Reliability

What syncd does when its source lies or dies and when its targets fail, proved on real servers. `make faults` runs it
all and writes this page.

*Times* is how often the fault really happened, counted at the proxy, at the server or by the signal that made it.
*Lost* counts entries that were changed, deleted or torn wrongly while a reader looked on. *Recovered in* is the longest
time from the end of the fault until all was well again, without a restart. *Red without*: the same test, with that
protection taken out, ended in the harm.
"""


@dataclass
class _Row:
    area: str
    fault: str
    injected: str = ""
    times: int = 0
    lost: int = 0
    recover_s: float | None = None
    red_without: str = ""


def record(
    fault: str,
    *,
    area: str,
    injected: str = "",
    times: int = 0,
    lost: int = 0,
    recover_s: float | None = None,
    red_without: str = "",
) -> None:
    """Record what one test proved of one fault; several records of one (area, fault) become one row.

    Args:
        fault: the row's name, such as `404 with a good index`.
        area: the table that it stands in, such as `Source`.
        injected: how, in a few words.
        times: how often the fault was really delivered; added up. A record without it adds to another's.
        lost: entries changed wrongly; added up.
        recover_s: seconds from the fault's end until all was well again; the longest counts.
        red_without: the protection without which the same test ended in the wrong write.
    """
    assert times > 0 or not injected, f"{fault}: the fault never happened"
    path = os.environ.get("FAULTS_REPORT")
    if not path:
        return
    line = _Row(area, fault, injected, times, lost, recover_s, red_without)
    with Path(path).open("a") as file:
        file.write(json.dumps(asdict(line)) + "\n")


def page(lines: list[dict[str, Any]]) -> str:
    """Return the page for some records."""
    rows: dict[tuple[str, str], _Row] = {}
    for line in lines:
        row = rows.setdefault((line["area"], line["fault"]), _Row(line["area"], line["fault"]))
        row.injected = row.injected or line["injected"]
        row.times += line["times"]
        row.lost += line["lost"]
        if line["recover_s"] is not None:
            row.recover_s = max(row.recover_s or 0.0, line["recover_s"])
        row.red_without = row.red_without or line["red_without"]
    parts = [_HEAD]
    for area in dict.fromkeys(row.area for row in rows.values()):
        mine = [row for row in rows.values() if row.area == area]
        parts.append(f"\n## {area}: {len(mine)} faults\n\n")
        parts.append("| fault | injected | times | lost | recovered in | red without |\n|---|---|---:|---:|---:|---|\n")
        parts += [_cells(row) for row in mine]
    return "".join(parts)


def _cells(row: _Row) -> str:
    recovered = "–" if row.recover_s is None else f"{row.recover_s:.1f} s"
    red = f"yes: {row.red_without}" if row.red_without else "–"
    return f"| {row.fault} | {row.injected} | {row.times} | {row.lost} | {recovered} | {red} |\n"


def main(lines_file: str, page_file: str) -> int:
    """Write the page of all recorded lines and say which rows nobody saw red; 1 where something was lost."""
    lines = [json.loads(line) for line in Path(lines_file).read_text().splitlines()]
    Path(page_file).write_text(page(lines))
    lost = sum(line["lost"] for line in lines)
    faults = dict.fromkeys((line["area"], line["fault"]) for line in lines)
    red = {(line["area"], line["fault"]) for line in lines if line["red_without"]}
    print(f"{page_file}: {len(faults)} faults, lost: {lost}")
    for area, fault in faults:
        if (area, fault) not in red:
            print(f"  not seen red: {area}: {fault}")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
