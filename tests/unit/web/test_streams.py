"""Event streams over real sockets: keep-alives, the clock, the limit, readers that went away."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest

from syncd.core.status import Freshness, SourceStatus, Status, TargetState, TargetStatus
from syncd.web import events, page
from syncd.web.server import serve
from tests.support.processes import eventually, free_port


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often, so that tests need not wait."""
    monkeypatch.setattr(events, "LOOK_S", 0.01)


def well() -> Status:
    """Return a status in sync and fresh."""
    now = time.time()
    target = TargetStatus("edge", "cloudflare_kv", "in_sync", now, now, 3)
    return Status("1", now, SourceStatus("ok", 3, now), (target,), Freshness(90, 90))


class Nothing:
    """A daemon of which only the status is known."""

    def __init__(self, status: Callable[[], Status]) -> None:
        self.status = status

    def metrics(self) -> tuple[bytes, str]:
        """None."""
        return b"", "text/plain"

    async def plan(self, _target: str) -> None:
        """None."""
        return

    def history(self) -> tuple[()]:
        """None."""
        return ()

    def change(self, _number: int) -> None:
        """None."""
        return


@asynccontextmanager
async def served(status: Callable[[], Status]) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """Serve a status: (client, address of the stream)."""
    port = free_port()
    app = serve(("127.0.0.1", port), ("status.example.com",), Nothing(status))
    async with app, aiohttp.ClientSession() as client:
        yield client, f"http://127.0.0.1:{port}/api/v1/events"


async def following(answer: aiohttp.ClientResponse) -> tuple[str, dict[str, object]]:
    """Return the next event."""
    name = ""
    async with asyncio.timeout(10):
        while line := (await answer.content.readline()).decode():
            field, _, value = line.rstrip().partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                return name, json.loads(value)
    raise AssertionError("the stream ended")


async def test_silence_is_broken_by_keep_alives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing changes, `alive` with the server's time is sent."""
    status = well()
    monkeypatch.setattr(events, "ALIVE_S", 0.05)
    async with served(lambda: status) as (client, url), client.get(url) as answer:
        assert (await following(answer))[0] == "status"
        for _ in range(2):
            name, data = await following(answer)
            assert (name, list(data)) == ("alive", ["now"])


async def test_a_name_of_the_config_is_known() -> None:
    """As Host of page and stream, in any case, with and without a port; nothing is without one."""
    status = well()
    async with served(lambda: status) as (client, url):
        whole = url.removesuffix("api/v1/events")
        for host, code in (
            ("status.example.com", 200),
            ("Status.Example.com:80", 200),
            ("example.com", 403),
            ("", 403),
        ):
            for address in (whole, url):
                async with client.get(address, headers={"Host": host}) as answer:
                    assert answer.status == code, (host, address)


@pytest.mark.parametrize(("state", "said"), [("in_sync", "In sync, not fresh"), ("failed", "not within 0 s")])
async def test_the_clock_makes_news(state: TargetState, said: str) -> None:
    """A target that nobody compares any more is sent as not fresh, though its status did not change."""
    status = replace(well(), freshness=Freshness(90, 0.3))
    status = replace(status, targets=(replace(status.targets[0], state=state),))
    async with served(lambda: status) as (client, url), client.get(url) as answer:
        await following(answer)
        _, data = await following(answer)
        assert said in str(data["regions"])


async def test_pages_share_one_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many pages cost no more than one, as long as they see the same."""
    status, made = well(), []
    render = page.regions
    monkeypatch.setattr(page, "regions", lambda *given: made.append(1) or render(*given))
    async with served(lambda: status) as (client, url), client.get(url) as first, client.get(url) as second:
        assert (await following(first))[1]["regions"] == (await following(second))[1]["regions"]
    assert len(made) == 1


async def test_too_many_pages_are_refused_until_one_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with the time to wait; a page that was closed makes room."""
    status = well()
    monkeypatch.setattr(events, "MOST", 1)
    monkeypatch.setattr(events, "ALIVE_S", 0.02)
    async with served(lambda: status) as (client, url):

        async def code() -> int:
            async with client.get(url) as answer:
                return answer.status

        async with client.get(url) as first:
            await following(first)
            async with client.get(url) as second:
                assert (second.status, second.headers["Retry-After"]) == (503, "30")

        async def free() -> bool:
            return await code() == 200

        await eventually(free)


async def test_a_reader_that_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot make syncd keep what it was sent for ever; another page is served meanwhile."""
    monkeypatch.setattr(events, "SLOW_S", 0.2)
    monkeypatch.setattr(events, "MOST", 1)
    number = iter(range(10**9))
    base = well()

    def busy() -> Status:
        return replace(base, source=replace(base.source, error=f"{next(number)}" + "x" * 500_000))

    async with served(busy) as (client, url):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.split(":")[2].split("/")[0]), limit=1024)
        writer.write(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readline()

        async def free() -> bool:
            async with client.get(url) as answer:
                return answer.status == 200

        await eventually(free, 20)
        writer.close()
