"""What syncd takes while nothing happens: 1,000 keys, 10 targets, with and without Workers KV."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.place import Place
from bench.probe import cpu_s, pss_mib, rss_mib
from bench.report import Row
from bench.running import daemon, status, write_config
from tests.support.processes import free_port, wait_until

KEYS, TARGETS = 1_000, 10
SETTLE_S, WINDOW_S = 5.0, 65.0
"""The window holds the end of two blocking queries of 30 s."""
CPU_BOUND_PERCENT = 0.2
RSS_BOUND_MIB = {"file targets": 80, "one of them Workers KV": 105}
TEMPLATE = "{% for name, value in tree(folder).items() %}{{ name }}={{ value }}\n{% endfor %}"


def measure(place: Place) -> Iterator[Row]:
    """Yield the rows of this part; both kinds are idle at the same time."""
    names = place.fill("idle/", KEYS)
    folders = sorted({name.partition("/")[0] for name in names})
    with ExitStack() as stack:
        pids: dict[str, int] = {}
        for kind in RSS_BOUND_MIB:
            folder, port = place.folder / f"idle-{len(pids)}", free_port()
            _prepare(place, folder, port, folders, edge=len(pids) == 1)
            pids[kind] = stack.enter_context(daemon(folder)).pid
            _wait_until_ready(port)
        time.sleep(SETTLE_S)
        begun, before_s = time.monotonic(), {kind: cpu_s(pid) for kind, pid in pids.items()}
        time.sleep(WINDOW_S)
        for kind, pid in pids.items():
            used_s, window_s = cpu_s(pid) - before_s[kind], time.monotonic() - begun
            work = f"idle, {KEYS:,} keys, {TARGETS} targets, {kind}"
            measured = f"{used_s * 1000:.1f} ms of CPU in {window_s:.0f} s"
            yield Row("idle", f"{work}: CPU", measured, used_s / window_s * 100, CPU_BOUND_PERCENT, "%")
            measured = f"resident, shared libraries included; proportional {pss_mib(pid):.1f} MiB"
            yield Row("idle", f"{work}: memory", measured, rss_mib(pid), RSS_BOUND_MIB[kind], "MiB")


def _prepare(place: Place, folder: Path, port: int, folders: list[str], *, edge: bool) -> None:
    targets: dict[str, Any] = {
        f"file-{number}": {
            "kind": "template",
            "template": "templates/folder.j2",
            "path": f"out/{number}.txt",
            "vars": {"folder": folders[number]},
        }
        for number in range(TARGETS - edge)
    }
    if edge:
        targets["edge"] = edge_target(place, ["**"])
    (folder / "templates").mkdir(parents=True)
    (folder / "templates/folder.j2").write_text(TEMPLATE)
    # One file is made of all keys, so that every one is read.
    targets["file-0"]["vars"] = {"folder": ""}
    write_config(folder, place.consul, "idle/", http={"listen": f"127.0.0.1:{port}"}, targets=targets)


def _wait_until_ready(port: int) -> None:
    wait_until(lambda: status(port).get("ready"), 60, "the daemon is ready")


def edge_target(place: Place, keys: list[str]) -> dict[str, Any]:
    """Return a target for a namespace that nobody has used yet."""
    namespace = place.namespace()
    return {
        "kind": "cloudflare_kv",
        "account_id": namespace.account,
        "namespace_id": namespace.namespace,
        "api_token": namespace.token,
        "base_url": namespace.base_url,
        "keys": keys,
    }
