"""A target on a namespace of this test's own, with a clock that does not wait."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import stamina

from syncd.targets.cloudflare.target import CloudflareKv
from tests.support.kv_server import WorkersKV
from tests.unit.cloudflare import kit


@pytest.fixture
def clock() -> kit.FakeClock:
    """The time of this test."""
    return kit.FakeClock()


@pytest.fixture
async def make_edge(kv_namespace: WorkersKV, clock: kit.FakeClock) -> AsyncIterator[Callable[..., CloudflareKv]]:
    """make_edge(keys=[…], owner=…, owner_was=(…), **config): a target, each as if in a process of its own."""
    made: list[CloudflareKv] = []

    def make(
        *, owner: str = kit.OWNER, owner_was: tuple[str, ...] = (), shared: Any = None, **fields: Any
    ) -> CloudflareKv:
        place = {
            "account_id": kv_namespace.account,
            "namespace_id": kv_namespace.namespace,
            "base_url": kv_namespace.base_url,
        }
        token = {} if "api_token_file" in fields else {"api_token": kv_namespace.token}
        settings = kit.config(**{**place, **token, **fields})
        made.append(kit.target(settings, clock, *owner_was, owner=owner, shared=shared))
        return made[-1]

    with stamina.set_testing(True, attempts=5):
        yield make
    for edge in made:
        await edge.close()
