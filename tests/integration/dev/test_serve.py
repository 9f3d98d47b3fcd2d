"""The two servers as a whole: start, seed, data that stays, stop."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from syncd.core.errors import ConfigError, StateError
from syncd.dev.consul_server import make_app
from syncd.dev.consul_server.state import ConsulState
from syncd.dev.serve import DevServers, PortTaken, introduction, serve, start
from syncd.dev.storage import Storage
from tests.support.processes import eventually, free_port

SEED = """\
prefix: app/
kv:
  a: "1"
  folder/: {b: "2"}
services:
  web:
    - {id: web1, address: 10.0.0.1, port: 80, tags: [x], status: warning}
    - {id: web2, address: 10.0.0.2, port: 81, node: elsewhere}
"""


async def consul(servers: DevServers, method: str, path: str, body: bytes | None = None) -> tuple[int, int, Any]:
    """Ask the Consul-compatible server; return status, index, and the JSON of the answer."""
    async with aiohttp.request(method, f"{servers.consul_url}/v1/{path}", data=body) as answer:
        text = await answer.read()
        return answer.status, int(answer.headers.get("X-Consul-Index", 0)), json.loads(text) if text else None


async def kv(servers: DevServers, method: str, operation: str, body: Any = None) -> Any:
    """Ask the KV server as the shipped config does; return the result."""
    told = servers.environment
    path = f"accounts/{told['CF_ACCOUNT_ID']}/storage/kv/namespaces/{told['CF_KV_NAMESPACE_ID']}/{operation}"
    headers = {"Authorization": f"Bearer {told['CLOUDFLARE_API_TOKEN']}"}
    async with aiohttp.request(method, f"{told['CLOUDFLARE_BASE_URL']}/{path}", json=body, headers=headers) as answer:
        return (await answer.json())["result"]


async def test_both_answer_on_the_ports_that_were_asked_for() -> None:
    """And tell where, in the variables of the shipped config."""
    port, kv_port = free_port(), free_port()
    servers = await start(port, kv_port)
    assert servers.environment["CONSUL_HTTP_ADDR"] == f"http://127.0.0.1:{port}"
    assert servers.environment["CLOUDFLARE_BASE_URL"] == f"http://127.0.0.1:{kv_port}/client/v4"
    assert (await consul(servers, "GET", "kv/none"))[0] == 404
    assert await kv(servers, "GET", "keys") == []
    await servers.stop()
    with pytest.raises(aiohttp.ClientError):
        await consul(servers, "GET", "kv/none")


async def test_the_shipped_config_reads_these_variables() -> None:
    """Every one of them is in config.yaml."""
    servers = await start()
    await servers.stop()
    text = (Path(__file__).parents[3] / "config.yaml").read_text()
    assert all(f"${{{name}" in text for name in servers.environment)


@pytest.mark.parametrize(("which", "option"), [(0, "--port"), (1, "--kv-port")])
async def test_a_taken_port_is_said(which: int, option: str) -> None:
    """With the port and the option to change; nothing stays open."""
    holder = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    taken = holder.sockets[0].getsockname()[1]
    ports = [free_port(), free_port()]
    ports[which] = taken
    with pytest.raises(PortTaken, match=f"port {taken} of 127.0.0.1 is taken; .*{option}"):
        await start(*ports)
    holder.close()
    await (await start(*ports)).stop()


async def test_a_seed_fills_keys_and_services(tmp_path: Path) -> None:
    """Keys under their prefix; instances with their status, on the agent's node or their own."""
    (tmp_path / "seed.yaml").write_text(SEED)
    servers = await start(seed=tmp_path / "seed.yaml")
    assert servers.seeded == 2
    _, index, entries = await consul(servers, "GET", "kv/?recurse")
    assert [(e["Key"], base64.b64decode(e["Value"])) for e in entries] == [("app/a", b"1"), ("app/folder/b", b"2")]
    assert {entry["ModifyIndex"] for entry in entries} == {index}
    _, _, (two, one) = await consul(servers, "GET", "health/service/web")
    assert (one["Service"]["ID"], one["Service"]["Tags"], one["Checks"][1]["Status"]) == ("web1", ["x"], "warning")
    assert (two["Node"]["Node"], two["Service"]["Port"], two["Checks"][0]["Status"]) == ("elsewhere", 81, "passing")
    assert (await consul(servers, "PUT", "agent/check/fail/service:web1"))[0] == 200
    _, _, (_, one) = await consul(servers, "GET", "health/service/web")
    assert one["Checks"][1]["Status"] == "critical"
    await servers.stop()


async def test_a_seed_with_faults_is_refused(tmp_path: Path) -> None:
    """With the place; nothing stays open."""
    (tmp_path / "seed.yaml").write_text("kv: []\n")
    port = free_port()
    with pytest.raises(ConfigError, match=r"seed.yaml:1:"):
        await start(port, seed=tmp_path / "seed.yaml")
    await (await start(port)).stop()


async def test_data_stays(tmp_path: Path) -> None:
    """Keys, tombstones, sessions, services, pairs: after a restart all is there, and no index went back."""
    servers = await start(data=tmp_path / "data")
    await consul(servers, "PUT", "kv/a/1", b"one")
    await consul(servers, "PUT", "kv/b/1", b"gone")
    await consul(servers, "DELETE", "kv/b/?recurse")
    session = (await consul(servers, "PUT", "session/create", b'{"TTL": "10m"}'))[2]["ID"]
    await consul(servers, "PUT", f"kv/lock?acquire={session}", b"x")
    service = b'{"Name": "web", "Port": 80, "Check": {"TTL": "10m", "Status": "passing"}}'
    await consul(servers, "PUT", "agent/service/register", service)
    pairs = [{"key": "k", "value": "v", "metadata": {"o": "me"}}]
    await kv(servers, "PUT", "bulk", pairs)
    reads = ("kv/?recurse", "kv/b/?recurse", "kv/none", "session/list", "health/service/web", "catalog/services")
    before = [await consul(servers, "GET", path) for path in reads]
    await servers.stop()

    servers = await start(data=tmp_path / "data")
    assert [await consul(servers, "GET", path) for path in reads] == before
    assert await kv(servers, "GET", "keys") == [{"name": "k", "metadata": {"o": "me"}}]
    assert (await consul(servers, "PUT", "agent/check/fail/service:web"))[0] == 200
    await consul(servers, "PUT", "kv/a/2", b"two")
    assert (await consul(servers, "GET", "kv/a/2"))[1] > max(index for _, index, _ in before)
    await servers.stop()


async def test_a_seed_is_loaded_once(tmp_path: Path) -> None:
    """Where keys are kept already, what somebody changed since stays."""
    (tmp_path / "seed.yaml").write_text(SEED)
    arguments = {"seed": tmp_path / "seed.yaml", "data": tmp_path / "data"}
    servers = await start(**arguments)
    await consul(servers, "PUT", "kv/app/a", b"changed")
    await servers.stop()
    servers = await start(**arguments)
    assert servers.seeded == 0
    assert base64.b64decode((await consul(servers, "GET", "kv/app/a"))[2][0]["Value"]) == b"changed"
    assert "there are keys already" in "\n".join(introduction(servers, **arguments))
    await servers.stop()


async def test_data_is_for_us_alone(tmp_path: Path) -> None:
    """Readable by its owner only; a second server on the folder is refused."""
    servers = await start(data=tmp_path / "data")
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "data").iterdir()}
    assert set(modes.values()) == {"0o600"}
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    with pytest.raises(StateError, match="locked"):
        await start(data=tmp_path / "data")
    await servers.stop()


async def test_data_that_cannot_be_used(tmp_path: Path) -> None:
    """No database, or one of a newer syncd: said, not overwritten."""
    (tmp_path / "consul.sqlite3").write_text("no database at all, really not" * 100)
    with pytest.raises(StateError, match="cannot be used"):
        await start(data=tmp_path)
    (tmp_path / "consul.sqlite3").unlink()
    with sqlite3.connect(tmp_path / "consul.sqlite3") as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(StateError, match="newer syncd"):
        await start(data=tmp_path)


async def test_stop_wakes_who_waits() -> None:
    """A blocking query is answered at once, though it has minutes left."""
    state = ConsulState(Storage(None))
    server = TestServer(make_app(state))
    await server.start_server()
    async with aiohttp.ClientSession() as session:
        waiting = asyncio.create_task(session.get(server.make_url("/v1/kv/a?index=999&wait=5m")))
        await eventually(lambda: len(state.waiters) == 1)
        await asyncio.wait_for(server.close(), 5)
        assert (await asyncio.wait_for(waiting, 5)).status == 404


async def test_who_goes_away_waits_no_longer() -> None:
    """The blocking query of a client that hung up is forgotten."""
    servers = await start()
    state = servers.state
    waiting = asyncio.create_task(consul(servers, "GET", "kv/a?index=999&wait=5m"))
    await eventually(lambda: len(state.waiters) == 1)
    waiting.cancel()
    await eventually(lambda: len(state.waiters) == 0)
    await servers.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it(number: signal.Signals) -> None:
    """After it said where it is and what to export."""
    said: list[str] = []
    port, kv_port = free_port(), free_port()
    running = asyncio.create_task(serve(port, kv_port, None, None, said.append))
    await eventually(lambda: f"export CONSUL_HTTP_ADDR=http://127.0.0.1:{port}" in said)
    os.kill(os.getpid(), number)
    await asyncio.wait_for(running, 5)


async def test_ten_thousand_keys() -> None:
    """Five watches on a prefix of 10,000 keys all see the next one."""
    servers = await start()
    with servers.state.write() as number:
        for n in range(10_000):
            servers.state.kv.set(number, f"p/{n:05}", b"x", 0)
    _, index, entries = await consul(servers, "GET", "kv/p/?recurse")
    assert len(entries) == 10_000
    path = f"kv/p/?keys&index={index}&wait=60s"
    watches = [asyncio.create_task(consul(servers, "GET", path)) for _ in range(5)]
    await eventually(lambda: len(servers.state.waiters) == 5)
    await consul(servers, "PUT", "kv/p/new", b"1")
    for _, _, names in await asyncio.gather(*watches):
        assert names[-1] == "p/new"
    await servers.stop()
