"""50,000 changes: memory stays flat, and nothing is left open."""

from __future__ import annotations

import contextlib
import os
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.support.report import record
from tests.faults.support.running import Running
from tests.support.consul import ConsulServer
from tests.support.kv_server import WorkersKV
from tests.support.processes import wait_until

KEYS, PER_WRITE = 100, 50
CHANGES = int(os.environ.get("SOAK_CHANGES", "50000"))
FAULT = "50,000 changes: memory, sockets, files"
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


@dataclass
class _Soaked:
    """What was seen: samples of the memory in KiB, and what was open before and after."""

    memory: list[int]
    passes: int
    before: list[str]
    after: list[str]

    @property
    def quarters(self) -> tuple[float, float]:
        """The medians of the second and of the last quarter."""
        quarter = len(self.memory) // 4
        second, fourth = (statistics.median(self.memory[n * quarter : (n + 1) * quarter]) for n in (1, 3))
        return second, fourth


@pytest.mark.e2e
@pytest.mark.long
def test_fifty_thousand_changes(
    tmp_path: Path, consul_server: ConsulServer, consul_prefix: str, kv_namespace: WorkersKV
) -> None:
    """Memory of the last quarter is within 5 % of the second's; sockets, files and children are as at the start."""
    daemon = Running(tmp_path, _config(tmp_path, consul_server.url, consul_prefix, kv_namespace))
    writes = CHANGES // PER_WRITE
    try:
        soaked = _soak(daemon, consul_server, consul_prefix, writes)
        wait_until(lambda: kv_namespace.get(f"values/k{writes * PER_WRITE % KEYS}") == f"v-{writes}".encode())
        second, fourth = soaked.quarters
        assert fourth <= second * 1.05, soaked.memory
        assert len(soaked.after) <= len(soaked.before), (soaked.before, soaked.after)
        assert Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text() == ""
        assert soaked.passes > writes // 100
        words = (
            f"{writes} writes to Consul, {soaked.passes} passes; {second / 1024:.1f} MiB, then {fourth / 1024:.1f} MiB"
        )
        record(FAULT, area="Long run", injected=words, times=writes * PER_WRITE)
    finally:
        daemon.close()


@pytest.mark.e2e
def test_a_leak_would_be_seen(
    tmp_path: Path, consul_server: ConsulServer, consul_prefix: str, kv_namespace: WorkersKV
) -> None:
    """A daemon that keeps a file and two megabytes of each pass is over both limits after a fiftieth of the way."""
    config = _config(tmp_path, consul_server.url, consul_prefix, kv_namespace)
    daemon = Running(tmp_path, config, without="leaks")
    try:
        soaked = _soak(daemon, consul_server, consul_prefix, 80)
        second, fourth = soaked.quarters
        assert fourth > second * 1.05, soaked.memory
        assert len(soaked.after) > len(soaked.before)
        record(FAULT, area="Long run", red_without="passes that let go of all (a leak put in)")
    finally:
        daemon.close()


def _soak(daemon: Running, server: ConsulServer, prefix: str, writes: int) -> _Soaked:
    """Write to Consul again and again, see the last of it arrive, and give open files ten seconds to be closed."""
    _write(server, prefix, 0)
    daemon.wait_ready()
    before, passes = _open_files(daemon.pid), len(daemon.events("target"))
    sampled: list[int] = []
    for number in range(1, writes + 1):
        _write(server, prefix, number)
        if number % max(1, writes // 200) == 0:
            sampled.append(_resident_kib(daemon.pid))
    last = f"v-{writes} ".strip()
    wait_until(lambda: last in (daemon.folder / "out/values").read_text(), 30)
    wait_until(daemon.ready, 30, f"{daemon.readyz()}")
    with contextlib.suppress(AssertionError):
        wait_until(lambda: len(_open_files(daemon.pid)) <= len(before), 10)
    return _Soaked(sampled, len(daemon.events("target")) - passes, before, _open_files(daemon.pid))


def _config(folder: Path, address: str, prefix: str, kv: WorkersKV) -> dict[str, Any]:
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
            "edge": {
                "kind": "cloudflare_kv",
                "account_id": kv.account,
                "namespace_id": kv.namespace,
                "api_token": kv.token,
                "base_url": kv.base_url,
                "keys": ["values/*"],
            },
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
