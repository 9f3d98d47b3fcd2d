"""syncd's own source reads the embedded Consul as it reads the real one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from syncd.core.model import Need, Presence
from syncd.core.snapshot import View
from tests.integration.consul.kit import folders, keys, opened, values
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from tests.integration.dev.conftest import Consul


async def test_keys_and_folders(consul: Consul) -> None:
    """Exact keys, a folder, what is missing, an empty value, the index."""
    for key in ("c/a", "c/b", "lone", "w2/a", "w/a"):
        consul.put(key, key.encode())
    consul.put("w/empty")
    async with opened(consul.http.base_url, consul.prefix) as source:
        snapshot = await source.read(keys("c/a", "c/b", "lone", "none") | folders("w/"))
        assert await source.confirm(["lone", "none"]) == {"lone": Presence.PRESENT, "none": Presence.GONE}
    assert values(snapshot) == {"c/a": b"c/a", "c/b": b"c/b", "lone": b"lone", "w/a": b"w/a", "w/empty": b""}
    assert View(snapshot).item("none") is None
    assert snapshot.items["c/b"].modify_index == consul.entry("c/b")["ModifyIndex"]


@pytest.mark.parametrize(
    "key", ["with space", "per%2Fcent", "q?x=1", "h#x", "plus+x", "ü/é", "emoji🎈", "quote\"'", "*"]
)
async def test_odd_keys(consul: Consul, key: str) -> None:
    """Each is found under its own name, and a longer one is not."""
    consul.put(quote(key, safe=""), b"v")
    async with opened(consul.http.base_url, consul.prefix) as source:
        assert values(await source.read(keys(key))) == {key: b"v"}
        assert await source.confirm([key, key + "x"]) == {key: Presence.PRESENT, key + "x": Presence.GONE}


@pytest.mark.parametrize("key", ["a//b", "a/./b", "a/../b", "/a"])
async def test_keys_that_no_path_can_name(consul: Consul, key: str) -> None:
    """They are written and asked for in a transaction."""
    consul.txn({"Verb": "set", "Key": key, "Value": "dg=="})
    async with opened(consul.http.base_url, consul.prefix) as source:
        assert values(await source.read(keys(key, "a/ok"))) == {key: b"v"}


async def test_the_overlay_wins(consul: Consul) -> None:
    """What stands under env/p/ replaces the same key."""
    for key in ("c/a", "c/b", "env/p/c/a"):
        consul.put(key, key.encode())
    async with opened(consul.http.base_url, consul.prefix, environment="p") as source:
        assert values(await source.read(folders("c/"))) == {"env/p/c/a": b"env/p/c/a", "c/b": b"c/b"}


async def test_many_keys(consul: Consul) -> None:
    """300 single keys, half of them missing."""
    names = [f"s{number}/url" for number in range(300)]
    for start in range(0, 300, 120):
        consul.txn(*({"Verb": "set", "Key": name, "Value": "dg=="} for name in names[start : start + 120 : 2]))
    async with opened(consul.http.base_url, consul.prefix) as source:
        assert set((await source.read(keys(*names))).items) == set(names[::2])
        said = await source.confirm(names)
    assert all((said[name] is Presence.PRESENT) == (number % 2 == 0) for number, name in enumerate(names))


async def test_services(consul: Consul) -> None:
    """Instances with their worst check and the address of their node; the catalog; a name that is unknown."""
    for number, status in enumerate(("passing", "warning", "critical")):
        checks = [{"TTL": "1h", "Status": "passing"}, {"TTL": "1h", "Status": status}]
        body = {
            "Name": consul.name,
            "ID": f"{consul.name}-{number}",
            "Port": 80 + number,
            "Tags": ["t"],
            "Checks": checks,
        }
        consul.api("PUT", "agent/service/register", body)
    path = f"health/service/{consul.name}"
    wait_until(lambda: len(consul.api("GET", path).json()) == 3)
    async with opened(consul.http.base_url) as source:
        snapshot = await source.read(
            frozenset({Need("service", consul.name), Need("service", "none"), Need("catalog")})
        )
    found = [(one.port, one.status, one.address, one.tags) for one in snapshot.services[consul.name]]
    here = "127.0.0.1", ("t",)
    assert found == [(80, "passing", *here), (81, "warning", *here), (82, "critical", *here)]
    assert snapshot.services["none"] == ()
    assert View(snapshot).catalog()[consul.name] == ("t",)
    for number in range(3):
        consul.api("PUT", f"agent/service/deregister/{consul.name}-{number}")
