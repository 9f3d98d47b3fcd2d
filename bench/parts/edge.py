"""Workers KV with 10,000 pairs: the calls that a first push, a pass in sync and one change take."""

import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.parts.idle import edge_target
from bench.place import Place
from bench.report import Row
from bench.running import SYNCD, daemon, environment, status, write_config
from tests.support.kv_server import WorkersKV
from tests.support.processes import free_port, wait_until

PAIRS = 10_000


def measure(place: Place) -> Iterator[Row]:
    """Yield the rows of this part."""
    folder, port = place.folder / "edge", free_port()
    names = place.fill("edge/", PAIRS)
    target = edge_target(place, ["**"])
    namespace = WorkersKV(place.workers_kv, target["namespace_id"])
    now = {"quiet": "0ms", "max": "0ms"}
    http = {"listen": f"127.0.0.1:{port}"}
    write_config(folder, place.consul, "edge/", http=http, debounce=now, targets={"edge": target})

    measured = _once(folder)
    first = namespace.requests("PUT bulk")
    yield _row("first push: bulks", measured, len(first), 10)
    yield _row("first push: pairs in them", "", sum(len(call["keys"]) for call in first), PAIRS)
    namespace.reset()
    measured = _once(folder)
    yield _row("in sync: lists", measured, len(namespace.requests("GET keys")), 10)
    yield _row("in sync: other calls", "", len(namespace.requests()) - len(namespace.requests("GET keys")), 0)
    with daemon(folder):
        wait_until(lambda: status(port).get("ready"), 60)
        namespace.reset()
        place.consul.put(f"edge/{names[1234]}", "changed")
        wait_until(lambda: namespace.requests("PUT bulk"), 30)
        time.sleep(1)
        calls = namespace.requests()
    yield _row("one change: bulks", "", sum(call["op"] == "bulk" for call in calls), 1)
    yield _row("one change: pairs in it", "", sum(len(call["keys"]) for call in calls if call["op"] == "bulk"), 1)
    yield _row("one change: other calls", "", sum(call["op"] != "bulk" for call in calls), 0)


def _once(folder: Path) -> str:
    """Run `syncd once`; say what it took."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*SYNCD, "once"], cwd=folder, env=environment(folder), check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"`syncd once`: {time.perf_counter() - begun:.2f} s, CPU {cpu_s:.2f} s"


def _row(work: str, measured: str, figure: int, bound: int) -> Row:
    return Row("edge", f"Workers KV, {PAIRS:,} pairs, {work}", measured, figure, bound, "", exact=True)
