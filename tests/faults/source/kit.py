"""A place that syncd keeps: a prefix in a real Consul, a namespace, one env file, and what was done to them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.support.proxy import FaultProxy, Lie, Request, reads
from tests.faults.support.reader import Reader
from tests.faults.support.running import Running
from tests.support.consul import ConsulServer
from tests.support.kv_server import WorkersKV
from tests.support.processes import wait_until

AREA = "Source"
NO_ANSWER = "an error is never an empty source, and the vanish guard"
KEYS = {
    "config/domains/api": "https://api.example.com",
    "config/domains/web": "https://www.example.com",
    "config/domains/www": "https://w.example.com",
    "config/features/ai": "true",
    "config/features/rag": "true",
    "config/features/terminal": "false",
    "config/log_level": "debug",
    "services/app/url": "http://127.0.0.1:9",
}


@dataclass
class Place:
    """One daemon's world."""

    folder: Path
    consul: ConsulServer
    kv: WorkersKV
    address: str
    token: str = ""
    prefix: str = field(default_factory=lambda: f"t-{uuid.uuid4().hex[:8]}/")
    config: dict[str, Any] = field(default_factory=dict)
    running: Running | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.consul.put_many({self.prefix + key: value for key, value in KEYS.items()})
        edge = {"kind": "cloudflare_kv", "account_id": self.kv.account, "namespace_id": self.kv.namespace}
        edge |= {"api_token": self.kv.token, "base_url": self.kv.base_url, "keys": ["config/domains/*"]}
        self.config = {
            "version": 1,
            "owner": "faults",
            "consul": {"address": self.address, "prefix": self.prefix, "wait": "1s"},
            # No limit helps here: what keeps the entries is that a lie is known for one.
            "limits": {"max_delete_percent": 100, "max_update_percent": 100, "allow_empty": True},
            "targets": {
                "edge": edge,
                "app-env": {
                    "kind": "env_file",
                    "path": "out/app.env",
                    "vars": {
                        "APP_URL": "services/app/url",
                        "LOG_LEVEL": {"key": "config/log_level", "default": "info"},
                    },
                    "include": [{"keys": "config/features/*", "prefix": "FEATURE_"}],
                },
            },
        }
        if self.token:
            self.config["consul"]["token"] = self.token

    @property
    def env(self) -> Path:
        """The env file."""
        return self.folder / "out/app.env"

    @property
    def daemon(self) -> Running:
        """The running daemon."""
        assert self.running is not None
        return self.running

    def start(self, without: str = "", *, ready: bool = True) -> Running:
        """Start its daemon and wait until all is in sync."""
        self.running = Running(self.folder, self.config, without=without)
        if ready:
            self.running.wait_ready()
        return self.running

    def put(self, key: str, value: str) -> None:
        """Put one key below the prefix."""
        self.consul.put(self.prefix + key, value)

    def mine(self, request: Request) -> bool:
        """Return whether a request is a read of this place."""
        return reads(request) and (self.prefix in request.path or "/v1/kv/" not in request.path)

    def harmed(self) -> bool:
        """Return whether the file or the pairs lost what Consul still holds."""
        lines = self.env.read_bytes()
        short = lines.count(b"FEATURE_") < 3 or b"LOG_LEVEL=debug" not in lines
        return short or bool(self.kv.requests("POST bulk/delete")) or len(self.kv.list()) < 3

    def close(self) -> None:
        """End the daemon."""
        if self.running is not None:
            self.running.close()


def endure(
    place: Place,
    inject: Callable[[], None],
    lift: Callable[[], None],
    *,
    happened: Callable[[], bool],
    says: Callable[[], object],
    meanwhile: Callable[[], None] = lambda: None,
    within_s: float = 20,
) -> float:
    """Let a fault happen to a place that is in sync, and see that it harms nothing; return the seconds to recover.

    Args:
        happened: whether the fault was really delivered, often enough.
        says: whether status, log or metrics say so.
        meanwhile: what else to do while it lasts.
    """
    place.kv.reset()
    before = place.env.read_bytes()
    old = next(line for line in before.decode().splitlines() if line.startswith("APP_URL="))
    url = f"http://127.0.0.1:{10_000 + uuid.uuid4().int % 50_000}"
    after = before.replace(old.encode(), f"APP_URL={url}".encode())
    with Reader(place.env) as reader:
        inject()
        wait_until(happened, within_s)
        wait_until(says, within_s)
        meanwhile()
        lift()
        lifted = time.monotonic()
        place.put("services/app/url", url)
        wait_until(lambda: place.env.read_bytes() == after, 30, f"it recovers: {place.daemon.readyz()}")
        wait_until(lambda: place.daemon.ready() and place.daemon.source()["state"] == "ok", 30, "all is well again")
        recover_s = time.monotonic() - lifted
    assert reader.looks > 20
    assert not reader.other(place.env, before, after)
    assert not [call for call in place.kv.requests() if call["method"] != "GET"]
    return recover_s


def tell(proxy: FaultProxy, places: dict[str, Place], name: str, lie: Lie, *, also: Callable[[Request], bool]) -> None:
    """Have the proxy lie to each place; the deliveries are counted as `NAME PLACE`."""
    for who, place in places.items():

        def picked(request: Request, place: Place = place) -> bool:
            return place.mine(request) and also(request)

        proxy.lie(f"{name} {who}", lie, picked)
