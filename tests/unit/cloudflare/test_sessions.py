"""An API token that is replaced while calls with the old one are under way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from syncd.core.model import Change, Entry
from syncd.targets.base import Fence, unfenced
from syncd.targets.cloudflare.faults import Reply
from syncd.targets.cloudflare.shared import Shared
from syncd.targets.cloudflare.target import CloudflareKv
from tests.support.processes import eventually
from tests.unit.cloudflare import kit


class SlowApi(kit.ScriptedApi):
    """Writes when it is let; notes who was closed."""

    made: ClassVar[list[SlowApi]] = []
    writes: ClassVar[asyncio.Event]

    def __init__(self, _base_url: str, token: str) -> None:
        super().__init__(kit.FakeClock())
        self.token, self.closed = token, 0
        self.made.append(self)

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        fence: Fence = unfenced,
    ) -> Reply:
        """Answer, a write only when it is let."""
        answer = await super().call(method, path, query=query, body=body, fence=fence)
        if method == "PUT":
            await self.writes.wait()
        assert not self.closed, "closed under a call"
        return answer

    async def close(self) -> None:
        """Take a moment, as a real client does."""
        await asyncio.sleep(0)
        self.closed += 1


@pytest.fixture
def edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CloudflareKv:
    """Return a target with a token file."""
    monkeypatch.setattr("syncd.targets.cloudflare.api.Api", SlowApi)
    monkeypatch.setattr(SlowApi, "made", [])
    monkeypatch.setattr(SlowApi, "writes", asyncio.Event(), raising=False)
    (tmp_path / "token").write_text("old-token")
    context = kit.context(base_dir=tmp_path)
    return CloudflareKv("edge", kit.config(api_token_file="token"), context, Shared(kit.FakeClock()))


async def test_a_write_ends_with_the_token_that_it_began_with(edge: CloudflareKv, tmp_path: Path) -> None:
    """Whoever sees the new token first takes no connection from a bulk; the last call of a client closes it."""
    entry = Entry("k", "d", b"v")
    changes = [Change("create", "k", None, "d", entry=entry)]
    writing = asyncio.create_task(edge.apply(changes, lambda *_: None))
    await eventually(lambda: SlowApi.made and SlowApi.made[0].calls)
    (tmp_path / "token").write_text("new-token")
    await asyncio.gather(*(edge.values([key]) for key in "abc"))
    assert [(api.token, api.closed) for api in SlowApi.made] == [("old-token", 0), ("new-token", 0)]
    SlowApi.writes.set()
    assert await writing == {}
    assert [api.closed for api in SlowApi.made] == [1, 0]
    await edge.close()
    assert [api.closed for api in SlowApi.made] == [1, 1]


async def test_one_client_for_all_that_see_a_new_token(edge: CloudflareKv, tmp_path: Path) -> None:
    """However many see it at once; the old one, idle, is closed then."""
    await edge.values(["a"])
    (tmp_path / "token").write_text("new-token")
    await asyncio.gather(*(edge.values([key]) for key in "abc"))
    assert [(api.token, api.closed) for api in SlowApi.made] == [("old-token", 1), ("new-token", 0)]


async def test_closing_lets_calls_end(edge: CloudflareKv) -> None:
    """A page that still asks when another configuration takes over gets its answer."""
    changes = [Change("create", "k", None, "d", entry=Entry("k", "d", b"v"))]
    writing = asyncio.create_task(edge.apply(changes, lambda *_: None))
    await eventually(lambda: SlowApi.made and SlowApi.made[0].calls)
    await edge.close()
    SlowApi.writes.set()
    assert await writing == {}
    assert [api.closed for api in SlowApi.made] == [1]
