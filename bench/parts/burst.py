"""300 changes in a second with the default debounce: when the last state is there, and how many reloads that took."""

import time
from collections.abc import Iterator
from pathlib import Path

from bench.arrival import Arrivals
from bench.place import Place
from bench.race import Writer
from bench.report import Row
from bench.running import daemon, wait_for_file, write_config

CHANGES, SECONDS, ROUNDS = 300, 1.0, 3
DELAY_BOUND_S, RELOADS_BOUND = 2.5, 3
SETTLE_S = 2.5


def measure(place: Place) -> Iterator[Row]:
    """Yield the rows of this part."""
    folder = place.folder / "burst"
    place.consul.put("burst/value", "none yet")
    target = {"kind": "env_file", "path": "out/app.env", "vars": {"VALUE": "value"}, "reload": "app"}
    reload = {"run": ["sh", "-c", "echo ran >> runs"]}
    write_config(folder, place.consul, "burst/", reloads={"app": reload}, targets={"app": target})
    with daemon(folder) as process:
        wait_for_file(folder / "runs", process)
        found = [_burst(place, folder, number) for number in range(ROUNDS)]
    work = f"{CHANGES} changes in {SECONDS:g} s, default debounce"
    worst = f"worst of {ROUNDS} bursts"
    measured = f"{worst}; from the first write until the last state is in the file"
    yield Row("burst", f"{work}: last state", measured, max(delay_s for delay_s, _ in found), DELAY_BOUND_S, "s")
    yield Row("burst", f"{work}: reloads", worst, max(reloads for _, reloads in found), RELOADS_BOUND, "")


def _burst(place: Place, folder: Path, number: int) -> tuple[float, int]:
    """Return how many seconds one burst took, and how many reloads it caused."""
    (folder / "runs").unlink()
    last = f"burst-{number}-{CHANGES - 1:03d}"
    with Arrivals(folder / "out/app.env") as arrivals, Writer(place.consul.url) as writer:
        begun = time.perf_counter()
        for change in range(CHANGES):
            time.sleep(max(0.0, begun + change * SECONDS / CHANGES - time.perf_counter()))
            writer.put("burst/value", f"burst-{number}-{change:03d}")
        delay_s = arrivals.wait(last.encode()) - begun
    time.sleep(SETTLE_S)
    return delay_s, (folder / "runs").read_text().count("ran")
