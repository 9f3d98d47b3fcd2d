"""Bring the real servers that the tests talk to into .cache/: one line each, in parallel, again = at once.

A server that cannot be had is said with its reason: its tests are skipped. Where CI=true that is a failure.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import recipes
from private_apt import SetupError

RECIPES: dict[str, Callable[[], str]] = {
    "consul": recipes.consul,
    "nginx": recipes.nginx,
    "docker compose": recipes.docker,
    "systemd's reader of env files": recipes.systemd,
    "workers kv": recipes.workers_kv,
}
FOR_LONGER_SUITES: dict[str, Callable[[], str]] = {
    "docker engine": recipes.docker_engine,
    "browser": recipes.browser,
}


def prepare(name: str, recipe: Callable[[], str]) -> bool:
    """Run one recipe and print its line; return whether the server is there."""
    began = time.monotonic()
    try:
        said = recipe()
    except (SetupError, OSError) as fault:
        print(f"  {name}: MISSING, its tests cannot run: {fault}", flush=True)
        return False
    print(f"  {name}: {said} ({time.monotonic() - began:.1f} s)", flush=True)
    return True


def main() -> int:
    """Prepare what `make test` needs, or with `e2e` what the longer suites add; 1 where CI=true and one is missing."""
    wanted = FOR_LONGER_SUITES if sys.argv[1:] == ["e2e"] else RECIPES
    with ThreadPoolExecutor(max_workers=len(wanted)) as pool:
        complete = all(list(pool.map(prepare, wanted, wanted.values())))
    return 0 if complete or os.environ.get("CI") != "true" else 1


if __name__ == "__main__":
    sys.exit(main())
