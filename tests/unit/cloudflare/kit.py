"""A clock that tests move, a scripted API, and short ways to a target, its source and its passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from syncd.core.diff import diff
from syncd.core.model import Desired, Entry, Item, Need, Plan
from syncd.core.snapshot import Snapshot, View
from syncd.targets.base import Context, Fence, unfenced
from syncd.targets.cloudflare.config import Config
from syncd.targets.cloudflare.faults import ApiFault, Reply
from syncd.targets.cloudflare.shared import Shared
from syncd.targets.cloudflare.target import CloudflareKv

OWNER = "test-owner"
EVENING = datetime(2026, 5, 9, 20, 0, tzinfo=UTC)


@dataclass
class FakeClock:
    """Time that passes only where somebody sleeps, at once; `slept` remembers every wait."""

    at: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        """Return monotonic seconds."""
        return self.at

    def utc(self) -> datetime:
        """Return an evening."""
        return EVENING

    async def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.slept.append(seconds)
        self.at += seconds


@dataclass
class Call:
    """One call that a scripted API got."""

    at: float
    method: str
    operation: str
    query: Mapping[str, str]
    body: Any


class ScriptedApi:
    """Answers calls from a list of replies and faults; after its end everything succeeds with an empty result."""

    def __init__(self, clock: FakeClock, *script: Reply | ApiFault) -> None:
        self.clock = clock
        self.script = list(script)
        self.calls: list[Call] = []

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        fence: Fence = unfenced,
    ) -> Reply:
        """Note the call; give the next answer of the script."""
        said = msgspec.json.decode(body) if body else None
        self.calls.append(Call(self.clock.at, method, path.partition("/namespaces/ns/")[2], query or {}, said))
        answer = self.script.pop(0) if self.script else reply(result=None)
        if isinstance(answer, ApiFault):
            raise answer
        return answer

    async def close(self) -> None:
        """Nothing is open."""


def reply(status: int = 200, headers: Mapping[str, str] | None = None, **body: Any) -> Reply:
    """Return an answer in Cloudflare's envelope; `success` follows the status unless given."""
    envelope = {"success": status < 400, "errors": [], "messages": [], **body}
    return Reply(status, {"content-type": "application/json", **(headers or {})}, msgspec.json.encode(envelope))


def refusal(status: int, code: int, message: str = "no", **headers: str) -> Reply:
    """Return a refusal; header names are written with `_`."""
    spelled = {name.replace("_", "-"): value for name, value in headers.items()}
    return reply(status, spelled, success=False, errors=[{"code": code, "message": message}])


def view(values: Mapping[str, bytes | str], *sensitive: str, index: int = 7) -> View:
    """Return a view of a source that holds exactly these keys."""
    items = {
        key: Item(key, value if isinstance(value, bytes) else value.encode(), index, sensitive=key in sensitive)
        for key, value in sorted(values.items())
    }
    return View(Snapshot(items=items, covers=frozenset({Need("folder", "")}), index=index))


def config(**fields: Any) -> Config:
    """Return a target's config with what is not given filled in."""
    base = {
        "kind": "cloudflare_kv",
        "account_id": "acc",
        "namespace_id": "ns",
        "api_token": "t0ken-t0ken",
        "keys": ["**"],
    }
    if "api_token_file" in fields:
        del base["api_token"]
    return Config.model_validate({**base, **fields})


def context(owner: str = OWNER, *owner_was: str, base_dir: Path = Path()) -> Context:
    """Return what a target gets from the engine."""
    return Context(owner, base_dir, lambda _: None, {}, tuple(owner_was))


def target(
    settings: Config, clock: FakeClock, *owner_was: str, owner: str = OWNER, shared: Shared | None = None
) -> Any:
    """Return a target on a clock of its own."""
    return CloudflareKv("edge", settings, context(owner, *owner_was), shared or Shared(clock))


@dataclass
class Pass:
    """What one pass found and did."""

    desired: Desired
    found: Mapping[str, Entry]
    plan: Plan
    failed: Mapping[str, str]
    progress: list[tuple[int, int]]


async def run_pass(edge: CloudflareKv, source: View, *, apply: bool = True) -> Pass:
    """Read, plan, apply, as the engine does."""
    desired = edge.desired(source, source)
    found = await edge.read(desired)
    plan = diff(edge.name, edge.kind, desired, found, owner=edge._context.owner, adopt=edge.config.adopt)
    progress: list[tuple[int, int]] = []
    failed: Mapping[str, str] = {}
    if apply and plan.changes:
        failed = await edge.apply(plan.changes, lambda done, total: progress.append((done, total)))
    return Pass(desired, found, plan, failed, progress)
