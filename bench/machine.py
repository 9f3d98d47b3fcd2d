"""On what was measured."""

import os
import platform
import re
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.support import binaries

LIBRARIES = ("aiohttp", "msgspec", "jinja2", "pydantic", "cloudflare", "structlog", "watchfiles")


def machine() -> dict[str, str]:
    """Return the machine, the versions and the date, in words."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": f"{len(os.sched_getaffinity(0))} cores, {_cpu_model()}",
        "priority": f"nice {os.getpriority(os.PRIO_PROCESS, 0)}, servers, floor and syncd alike",
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "Consul": _first_line([binaries.consul_bin(), "version"]).removeprefix("Consul "),
        "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
    }


def _cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _first_line(argv: list[str]) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()[0]
