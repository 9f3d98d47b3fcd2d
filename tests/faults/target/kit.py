"""A folder that syncd keeps from a seed file: targets that a test lets fail, and what they must never hold."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.faults.support.running import Running
from tests.support.cli import Ran, syncd_cli
from tests.support.kv_server import WorkersKV
from tests.support.processes import wait_until

SOURCE = ("--source", "seed.yaml")


class World:
    """One config and its source; its daemon is started by `start` and ended by `close`.

    Args:
        targets: of the config.
        keys: what the source holds.
        more: other sections of the config.
    """

    def __init__(self, folder: Path, targets: Mapping[str, Any], keys: Mapping[str, str], **more: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.keys = dict(keys)
        self.config = {"version": 1, "owner": "faults", "debounce": {"quiet": "20ms"}, "targets": dict(targets), **more}
        self.put()
        self.write()
        self.running: Running | None = None

    def write(self) -> None:
        """Write the config file, for commands; a daemon writes it itself."""
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.config, sort_keys=False))

    def put(self, **keys: str) -> None:
        """Change keys of the source, all at once; `__` stands for `/`."""
        self.keys |= {key.replace("__", "/"): value for key, value in keys.items()}
        self._write_seed()

    def drop(self, key: str) -> None:
        """Remove a key from the source."""
        del self.keys[key]
        self._write_seed()

    def _write_seed(self) -> None:
        fresh = self.folder / "seed.yaml.new"
        fresh.write_text(yaml.safe_dump({"prefix": "", "kv": self.keys}))
        fresh.rename(self.folder / "seed.yaml")

    def start(self, without: str = "", wrap: tuple[str, ...] = (), *, ready: bool = True) -> Running:
        """Start the daemon and wait until all is in sync."""
        self.running = Running(self.folder, self.config, *SOURCE, without=without, wrap=wrap)
        return self.running.wait_ready() if ready else self.running

    @property
    def daemon(self) -> Running:
        """The running daemon."""
        assert self.running is not None
        return self.running

    def reconcile(self) -> None:
        """Have the daemon read and compare everything."""
        self.daemon.process.send_signal(signal.SIGHUP)

    def once(self, *args: str) -> Ran:
        """Run one pass."""
        return syncd_cli("once", *args, *SOURCE, cwd=self.folder)

    def says(self, target: str, words: str) -> bool:
        """Return whether the status says so of a target that is not in sync."""
        one = self.daemon.target(target)
        return one["state"] != "in_sync" and words in (one["last_error"] or "")

    def until_says(self, target: str, words: str, deadline_s: float = 20) -> None:
        """Wait until the status says so."""
        try:
            wait_until(lambda: self.says(target, words), deadline_s)
        except AssertionError:
            raise AssertionError(f"{words!r} is not in {self.daemon.target(target)}") from None

    def close(self) -> None:
        """End the daemon."""
        if self.running is not None:
            self.running.close()


def template(folder: Path, name: str, text: str, path: str, **more: Any) -> dict[str, Any]:
    """Write a template and return the target of it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.j2").write_text(text)
    return {"kind": "template", "template": f"{name}.j2", "path": path, **more}


def edge(kv: WorkersKV, **more: Any) -> dict[str, Any]:
    """Return a target in a namespace."""
    place = {"account_id": kv.account, "namespace_id": kv.namespace, "api_token": kv.token, "base_url": kv.base_url}
    return {"kind": "cloudflare_kv", **place, "keys": ["config/domains/*"], **more}


def faulted(kv: WorkersKV, match: str) -> int:
    """Return how many calls were answered by a fault."""
    return sum(call["faulted"] for call in kv.requests(match))


def closest_writes_s(kv: WorkersKV) -> float:
    """Return the shortest time between two writes to the same key since the log was reset."""
    last: dict[str, float] = {}
    closest = float("inf")
    for call in kv.requests():
        for key in call["keys"] or () if call["method"] != "GET" and call["op"] != "bulk/get" else ():
            closest = min(closest, (call["at_ms"] - last.get(key, float("-inf"))) / 1000)
            last[key] = call["at_ms"]
    return closest
