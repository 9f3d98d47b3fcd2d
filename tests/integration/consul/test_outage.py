"""A real Consul that is not there yet, or does not answer."""

import asyncio
from collections.abc import Callable

import pytest

from syncd.consul.client import Client
from syncd.consul.settings import Settings
from syncd.core.errors import SourceUnavailable
from syncd.core.model import Presence
from tests.integration.consul.kit import folders, keys, opened, values
from tests.support.consul import ConsulServer
from tests.support.processes import eventually


async def test_a_consul_that_comes_up_late(make_consul: Callable[..., ConsulServer]) -> None:
    """The first contact is tried again until it is there."""
    server = make_consul(persistent=True)
    server.put_many({f"k{number}": "v" for number in range(12)})
    server.stop()
    async with opened(server, timeout_s=30) as source:
        reading = asyncio.create_task(source.read(keys(*(f"k{number}/x" for number in range(20))) | folders("")))
        await eventually(lambda: source._client._api.http._session is not None, why="the first try is made")
        await asyncio.to_thread(server.start)
        assert len(values(await reading)) == 12


async def test_a_consul_that_hangs(make_consul: Callable[..., ConsulServer]) -> None:
    """The deadline ends the read and says so, and nothing can be confirmed."""
    server = make_consul()
    async with opened(server, timeout_s=1) as source:
        server.pause()
        with pytest.raises(SourceUnavailable, match=r"did not answer in time \(tried once in "):
            await source.read(keys("a"))
        assert await source.confirm(["a", "b"]) == {"a": Presence.UNKNOWN, "b": Presence.UNKNOWN}
        server.resume()


async def test_a_blocking_query(consul_server: ConsulServer, consul_prefix: str) -> None:
    """It answers when something changed below its folder, after its wait where nothing did, and can be cancelled."""
    folder, settings = consul_prefix + "c/", Settings(address=consul_server.url)
    client = Client(settings)
    try:
        consul_server.put(folder + "a", "1")
        first = await client.folder(folder)
        waiting = asyncio.create_task(client.folder(folder, index=first.index, wait_s=30))
        await asyncio.sleep(0)
        consul_server.put(folder + "a", "2")
        changed = await waiting
        assert (changed.status, changed.index > first.index, changed.data[0].value) == (200, True, b"2")
        same = await client.folder(folder, index=changed.index, wait_s=0.05)
        assert same.index == changed.index
        assert (await client.names(folder)).data == [folder + "a"]
        cancelled = asyncio.create_task(client.key(folder + "a", index=changed.index, wait_s=30))
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert (await client.key(folder + "a")).data is not None
    finally:
        await client.close()
