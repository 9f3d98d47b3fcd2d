"""50,000 changes: memory stays flat, and nothing is left open."""

from __future__ import annotations

import os
import statistics
from pathlib import Path
from typing import Any

import pytest

from tests.faults.support.report import record
from tests.faults.support.running import Running
from tests.support.consul import ConsulServer
from tests.support.processes import wait_until

KEYS, PER_WRITE = 100, 50
CHANGES = int(os.environ.get("SOAK_CHANGES", "50000"))
TEMPLATE = "{% for name, value in ls('values').items() %}{{ name }} {{ value }}\n{% endfor %}"


def _resident_kib(pid: int) -> int:
    line = next(one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1])


def _open_files(pid: int) -> list[str]:
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(str(entry.readlink()).partition(":")[0])
        except OSError:
            continue
    return sorted(found)


@pytest.mark.e2e
def test_fifty_thousand_changes(tmp_path: Path, consul_server: ConsulServer, consul_prefix: str) -> None:
    """Memory of the last quarter is within 5 % of the second's; sockets, files and children are as at the start."""
    daemon = Running(tmp_path, _config(tmp_path, consul_server.url, consul_prefix))
    try:
        _write(consul_server, consul_prefix, 0)
        daemon.wait_ready()
        before, passes = _open_files(daemon.pid), len(daemon.events("target"))
        sampled: list[int] = []
        writes = CHANGES // PER_WRITE
        for number in range(1, writes + 1):
            _write(consul_server, consul_prefix, number)
            if number % max(1, writes // 200) == 0:
                sampled.append(_resident_kib(daemon.pid))
        last = f"v-{writes} "
        wait_until(lambda: last.strip() in (tmp_path / "out/values").read_text(), 30)
        wait_until(daemon.ready, 20, f"{daemon.readyz()}")
        wait_until(lambda: len(_open_files(daemon.pid)) <= len(before), 15, f"{_open_files(daemon.pid)} {before}")
        quarter = len(sampled) // 4
        second, fourth = (statistics.median(sampled[n * quarter : (n + 1) * quarter]) for n in (1, 3))
        assert fourth <= second * 1.05, sampled
        assert Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text() == ""
        done = len(daemon.events("target")) - passes
        assert done > writes // 100
        words = f"{writes} writes to Consul, {done} passes; {second / 1024:.1f} MiB, then {fourth / 1024:.1f} MiB"
        record("50,000 changes: memory, sockets, files", area="Long run", injected=words, times=writes * PER_WRITE)
    finally:
        daemon.close()


def _config(folder: Path, address: str, prefix: str) -> dict[str, Any]:
    (folder / "t.j2").write_text(TEMPLATE)
    return {
        "version": 1,
        "owner": "soak",
        "consul": {"address": address, "prefix": prefix, "wait": "5s"},
        "debounce": {"quiet": "10ms", "max": "50ms"},
        "limits": {"max_update_percent": 100},
        "reconcile": {"interval": "10s"},
        "reloads": {"app": {"check": ["true"], "run": ["true"]}},
        "targets": {
            "env": {"kind": "env_file", "path": "out/a.env", "include": [{"keys": "values/*", "prefix": "V_"}]},
            "file": {"kind": "template", "template": "t.j2", "path": "out/values", "reload": "app"},
            "secret": {"kind": "env_file", "path": "out/s.env", "vars": {"S": "secrets/s"}},
        },
    }


def _write(server: ConsulServer, prefix: str, number: int) -> None:
    """Change 50 of the keys in one transaction."""
    first = number * PER_WRITE % KEYS
    pairs = {f"{prefix}values/k{first + at}": f"v-{number}" for at in range(PER_WRITE)}
    server.put_many({**pairs, f"{prefix}secrets/s": f"s-{number}"})
