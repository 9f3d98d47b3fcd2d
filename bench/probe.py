"""What Linux tells of another process: CPU time, memory, connections."""

import re
import time
from pathlib import Path

_ESTABLISHED = "01"


def cpu_s(pid: int) -> float:
    """Return the CPU seconds, user and system, of all threads of a process so far; to the microsecond."""
    return time.clock_gettime((~pid << 3) | 2)  # the kernel's CPU clock of a process, see clock_getcpuclockid(3)


def rss_mib(pid: int) -> float:
    """Return the resident memory in MiB, shared libraries included."""
    return _kib(Path(f"/proc/{pid}/status"), "VmRSS") / 1024


def pss_mib(pid: int) -> float:
    """Return the resident memory in MiB, what is shared divided among those that share it."""
    return _kib(Path(f"/proc/{pid}/smaps_rollup"), "Pss") / 1024


def connections(pid: int, port: int) -> int:
    """Return how many TCP connections a process has to a port of 127.0.0.1."""
    remote = f"0100007F:{port:04X}"
    open_now = {
        f"socket:[{row[9]}]"
        for row in (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
        if row[2] == remote and row[3] == _ESTABLISHED
    }
    return sum(_target(link) in open_now for link in Path(f"/proc/{pid}/fd").iterdir())


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:
        return ""


def _kib(path: Path, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", path.read_text(), re.MULTILINE)
    assert found, f"{path} has no {name}"
    return int(found[1])
