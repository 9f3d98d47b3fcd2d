"""Where the real servers are (put there by scripts/servers.py); without one its tests are skipped, or fail in CI."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
SBIN = "/usr/sbin:/usr/local/sbin"


def consul_bin() -> str:
    """Return a Consul agent: $SYNCD_CONSUL_BIN, the one on PATH, or Debian 11's 1.8.7."""
    return os.environ.get("SYNCD_CONSUL_BIN") or _find("consul", CACHE / "consul/usr/bin/consul")


def nginx_bin() -> str:
    """Return nginx: the one on PATH, or Debian's."""
    return _find("nginx", CACHE / "nginx/usr/sbin/nginx")


def compose_command() -> tuple[list[str], dict[str, str]]:
    """Return argv and environment of `docker compose` (command line only, no engine: for `config`)."""
    binary = CACHE / "docker/usr/bin/docker"
    if not binary.exists():
        missing("docker compose")
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "DOCKER_CONFIG": str(CACHE / "docker-config")}
    return [str(binary), "compose"], environment


def node_bin() -> str:
    """Return node, where miniflare is installed as well."""
    if not (CACHE / "kv/node_modules/miniflare").is_dir():
        missing("miniflare")
    return _find("node", Path("/usr/bin/node"))


def missing(name: str) -> NoReturn:
    """Skip the test, or fail it where CI=true: nothing is proved by a test that did not run."""
    why = f"no {name} on this machine; `make setup` says why"
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


def _find(name: str, cached: Path) -> str:
    found = shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":" + SBIN)
    if not found and not cached.exists():
        missing(name)
    return found or str(cached)
