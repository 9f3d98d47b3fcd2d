"""Change → file with 10, 1,000 and 10,000 keys under one prefix, in turn with the floor."""

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import bench.floor
from bench.place import Place, p95
from bench.race import Runner, race
from bench.report import Row
from bench.running import daemon, running, wait_for_file, write_config

SIZES = {10: (1.6, 100), 1_000: (1.3, 80), 10_000: (1.3, 60)}
"""Keys -> (bound of the ratio, changes)."""
P95_BOUND = 3.0
CPU_KEYS, CPU_BOUND = 10_000, 1.5
TEMPLATE = "{% for name, value in tree('').items() %}{{ name }}={{ value }}\n{% endfor %}"


def measure(place: Place) -> Iterator[Row]:
    """Yield the rows of this part."""
    for size, (bound, rounds) in SIZES.items():
        yield from _size(place, size, bound, rounds)


def _size(place: Place, size: int, bound: float, rounds: int) -> Iterator[Row]:
    ours, theirs = f"change-{size}/", f"floor-{size}/"
    names = place.fill(ours, size)
    place.fill(theirs, size)
    folder, floor_folder = place.folder / f"change-{size}", place.folder / f"floor-{size}"
    floor_folder.mkdir()
    target = {"kind": "template", "template": "templates/all.j2", "path": "out/all.txt", "mode": "0644"}
    write_config(folder, place.consul, ours, debounce={"quiet": "0ms", "max": "0ms"}, targets={"all": target})
    for one_folder in (folder, floor_folder):
        (one_folder / "templates").mkdir()
        (one_folder / "templates/all.j2").write_text(TEMPLATE)
    argv = [sys.executable, str(Path(bench.floor.__file__)), place.consul.url, theirs]
    argv += [str(floor_folder / name) for name in ("templates/all.j2", "all.txt", "journal.db")]
    with daemon(folder) as syncd, running(argv, floor_folder) as floor:
        one = Runner(syncd.pid, ours + names[size // 2], folder / "out/all.txt")
        other = Runner(floor.pid, theirs + names[size // 2], floor_folder / "all.txt")
        wait_for_file(one.path, syncd)
        wait_for_file(other.path, floor)
        race(place.consul.url, [other, one], rounds)
    yield from _rows(one, other, size, bound)


def _rows(one: Runner, floor: Runner, size: int, bound: float) -> Iterator[Row]:
    work = f"change → file, {size:,} keys"
    median, floor_median = statistics.median(one.delays_s), statistics.median(floor.delays_s)
    measured = f"median {_ms(median)}, floor {_ms(floor_median)}"
    yield Row("change", work, measured, median / floor_median, bound)
    measured = f"p95 {_ms(p95(one.delays_s))}, median {_ms(median)}; floor's p95 {_ms(p95(floor.delays_s))}"
    yield Row("change", f"{work}, p95 to median", measured, p95(one.delays_s) / median, P95_BOUND)
    cpu_s, floor_cpu_s = (runner.cpu_s / len(runner.delays_s) for runner in (one, floor))
    measured = f"{_ms(cpu_s)}, floor {_ms(floor_cpu_s)}"
    cpu_bound = CPU_BOUND if size == CPU_KEYS else None
    yield Row("change", f"CPU per change, {size:,} keys", measured, cpu_s / floor_cpu_s, cpu_bound)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"
