"""From nothing to a file that is made of 1,000 exact keys, beside the bare import of three libraries."""

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.arrival import Arrivals
from bench.place import Place
from bench.probe import connections
from bench.report import Row
from bench.running import SYNCD, daemon, environment, running, write_config
from tests.support.processes import free_port

KEYS, ROUNDS = 1_000, 9
RATIO_BOUND, CONNECTIONS_BOUND = 4.0, 2
SETTLE_S = 1.5
IMPORTS = [sys.executable, "-c", "import aiohttp, jinja2, pydantic"]
LAYOUTS = {"in one folder": "all/key-{number:04d}", "each in its own folder": "service-{number:04d}/url"}


def measure(place: Place) -> Iterator[Row]:
    """Yield the rows of this part."""
    for number, (words, pattern) in enumerate(LAYOUTS.items()):
        folder = _prepare(place, f"start-{number}", pattern)
        ours: list[float] = []
        floor: list[float] = []
        for _ in range(ROUNDS):
            floor.append(_imports(folder))
            ours.append(_start(folder))
        median, least = statistics.median(ours), statistics.median(floor)
        work = f"start, {KEYS:,} exact keys {words} → file"
        measured = f"median {median * 1000:.0f} ms, imports {least * 1000:.0f} ms"
        yield Row("start", work, measured, median / least, RATIO_BOUND)
        most = _most_connections(folder, place.consul.port)
        yield Row("start", f"{work}: connections", "most at any moment", most, CONNECTIONS_BOUND, "")


def _prepare(place: Place, name: str, pattern: str) -> Path:
    folder = place.folder / name
    keys = [pattern.format(number=number) for number in range(KEYS)]
    place.consul.put_many({f"{name}/{key}": f"https://{key}.example.com/" for key in keys})
    variables = {f"URL_{number}": key for number, key in enumerate(keys)}
    target = {"kind": "env_file", "path": "out/all.env", "vars": variables}
    http = {"listen": f"127.0.0.1:{free_port()}"}
    write_config(folder, place.consul, f"{name}/", http=http, targets={"all": target})
    return folder


def _imports(folder: Path) -> float:
    begun = time.perf_counter()
    subprocess.run(IMPORTS, env=environment(folder), cwd=folder, check=True)
    return time.perf_counter() - begun


def _start(folder: Path) -> float:
    _forget(folder)
    with Arrivals(folder / "out/all.env") as arrivals:
        begun = time.perf_counter()
        with running([*SYNCD, "run"], folder):
            return arrivals.wait(b"URL_999=", 60) - begun


def _most_connections(folder: Path, port: int) -> int:
    _forget(folder)
    most = 0
    with daemon(folder) as process:
        end = None
        while end is None or time.monotonic() < end:
            most = max(most, connections(process.pid, port))
            if end is None and (folder / "out/all.env").exists():
                end = time.monotonic() + SETTLE_S
            time.sleep(0.002)
    return most


def _forget(folder: Path) -> None:
    """Make it a first start again."""
    for name in ("out", ".syncd"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "out").mkdir()
