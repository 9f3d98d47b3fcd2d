"""The source on a real Consul: what it reads, and what comes out."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from syncd.core.model import Need, Presence
from syncd.core.snapshot import NeedMore, Rules, View
from syncd.sources.export import ExportSource
from tests.integration.consul.kit import folders, keys, opened, values
from tests.support.consul import ConsulServer

ODD_KEYS = [
    "with space",
    "per%cent",
    "per%2Fcent",
    "q?x=1",
    "h#x",
    "plus+x",
    "ü/é",
    "emoji🎈",
    "a:b&c=d;e",
    "quote\"'",
    "*",
]


async def test_only_what_is_needed_is_read(consul_server: ConsulServer, consul_prefix: str) -> None:
    """Two keys of a folder bring the folder, a lone key only itself, and nothing else comes along."""
    consul_server.put_many({consul_prefix + key: key for key in ("c/a", "c/b", "c/d/e", "s/x", "s/y", "top")})
    async with opened(consul_server, consul_prefix) as source:
        snapshot = await source.read(keys("c/a", "c/b", "s/x", "none"))
    assert values(snapshot) == {"c/a": b"c/a", "c/b": b"c/b", "c/d/e": b"c/d/e", "s/x": b"s/x"}
    assert snapshot.index > 0
    view = View(snapshot)
    assert view.item("none") is None
    with pytest.raises(NeedMore):
        view.item("s/y")


@pytest.mark.parametrize("key", ODD_KEYS)
async def test_odd_keys_are_read_singly(consul_server: ConsulServer, consul_prefix: str, key: str) -> None:
    """Each is quoted once and right."""
    consul_server.put(consul_prefix + key, "v")
    async with opened(consul_server, consul_prefix) as source:
        assert values(await source.read(keys(key))) == {key: b"v"}
        assert await source.confirm([key, key + "x"]) == {key: Presence.PRESENT, key + "x": Presence.GONE}


@pytest.mark.parametrize("key", ["a//b", "a/./b", "a/../b", "/a", "a//"])
async def test_keys_that_no_url_can_name(consul_server: ConsulServer, consul_prefix: str, key: str) -> None:
    """Consul redirects such addresses: they are asked for in a transaction, present and missing."""
    async with opened(consul_server, consul_prefix) as source:
        missing = await source.read(keys(key, "a/ok"))
        assert View(missing).item(key) is None
        if key.endswith("/"):
            return
        consul_server.put_many({consul_prefix + key: "v"})
        assert values(await source.read(keys(key))) == {key: b"v"}
        assert values(await source.read(folders("a/"))) == ({} if key.startswith("/") else {key: b"v"})


async def test_values_of_every_kind(consul_server: ConsulServer, consul_prefix: str) -> None:
    """Empty, binary, and as large as Consul allows."""
    large, binary = b"x" * 524_288, bytes(range(256))
    for key, value in {"empty": b"", "large": large, "binary": binary}.items():
        consul_server.put(consul_prefix + key, value)
    async with opened(consul_server, consul_prefix) as source:
        snapshot = await source.read(folders(""))
        assert values(snapshot) == {"binary": binary, "empty": b"", "large": large}
        assert values(await source.read(keys("empty"))) == {"empty": b""}
    assert all(item.modify_index > 0 for item in snapshot.items.values())


async def test_a_prefix_is_a_folder(consul_server: ConsulServer, consul_prefix: str) -> None:
    """Neighbours whose names begin alike are not read, and folder markers do not exist."""
    consul_server.put_many({consul_prefix + key: "v" for key in ("w/a", "w2/a", "w/", "w")})
    async with opened(consul_server, consul_prefix) as source:
        assert values(await source.read(folders("w/"))) == {"w/a": b"v"}


async def test_the_overlay_wins(consul_server: ConsulServer, consul_prefix: str) -> None:
    """For exact keys and globs; `env/` itself is invisible."""
    consul_server.put_many(
        {consul_prefix + key: key for key in ("c/a", "c/b", "env/p/c/a", "env/p/only", "env/other/c/b", "lone/x")}
    )
    async with opened(consul_server, consul_prefix, environment="p") as source:
        snapshot = await source.read(keys("c/a", "only", "lone/x", "none", "env/p/c/a") | folders("c/", "env/"))
    view = View(snapshot)
    assert values(snapshot) == {
        "env/p/c/a": b"env/p/c/a",
        "c/b": b"c/b",
        "env/p/only": b"env/p/only",
        "lone/x": b"lone/x",
    }
    assert view.item("none") is None
    assert view.item("env/p/c/a") is None
    assert dict(view.glob("env/**")) == {}
    assert snapshot.items["c/a"].layer == "env/p"


async def test_a_further_round_reads_only_what_is_new(consul_server: ConsulServer, consul_prefix: str) -> None:
    """What is known stays as it was, the overlay included."""
    consul_server.put_many({consul_prefix + key: "old" for key in ("c/a", "env/p/c/a", "d/x")})
    async with opened(consul_server, consul_prefix, environment="p") as source:
        first = await source.read(keys("c/a"))
        consul_server.put_many({consul_prefix + key: "new" for key in ("c/a", "env/p/c/a", "c/b", "d/x")})
        second = await source.read(keys("c/a") | folders("c/", "d/"), first)
    assert values(second) == {"env/p/c/a": b"old", "c/b": b"new", "d/x": b"new"}
    assert second.index > first.index


async def test_a_missing_key_in_a_listed_folder_is_proved_by_itself(
    consul_server: ConsulServer, consul_prefix: str
) -> None:
    """A listing may leave out what the token may not see, so its silence alone is no proof."""
    consul_server.put(consul_prefix + "c/a", "v")
    async with opened(consul_server, consul_prefix) as source:
        first = await source.read(folders("c/"))
        with pytest.raises(NeedMore) as signal:
            View(first).item("c/none")
        second = await source.read(signal.value.needs, first)
    assert View(second).item("c/none") is None
    assert View(second).item("c/a") is not None


async def test_services_in_every_state(consul_server: ConsulServer, consul_prefix: str) -> None:
    """All instances with their worst check; an unknown name, and one that cannot be asked for, have none."""
    name = "svc-" + consul_prefix.strip("/")
    for number, status in enumerate(("passing", "warning", "critical")):
        check = {"TTL": "1h", "Status": status}
        more = {"Address": "10.1.0.1", "Tags": ["b", "a"], "Meta": {"zone": "z"}} if number == 0 else {}
        consul_server.register({"Name": name, "ID": f"{name}-{number}", "Port": 80 + number, "Check": check} | more)
    wanted = {Need("service", one) for one in (name, "nobody", "../kv", "", "a b")}
    async with opened(consul_server) as source:
        snapshot = await source.read(frozenset(wanted | {Need("catalog")}))
    found = snapshot.services[name]
    assert [(one.id, one.port, one.status) for one in found] == [
        (f"{name}-0", 80, "passing"),
        (f"{name}-1", 81, "warning"),
        (f"{name}-2", 82, "critical"),
    ]
    assert (found[0].address, found[0].tags, found[0].meta) == ("10.1.0.1", ("b", "a"), {"zone": "z"})
    assert (found[1].address, found[1].node) == ("127.0.0.1", "test")  # without an address of its own: the node's
    assert [snapshot.services[one] for one in ("nobody", "../kv", "", "a b")] == [()] * 4
    assert View(snapshot).catalog()[name] == ("a", "b")


async def test_an_export_gives_the_same_as_the_live_consul(
    consul_server: ConsulServer, consul_prefix: str, tmp_path: Path
) -> None:
    """Same keys, same values, same layers, by the real `consul kv export`."""
    consul_server.put_many({consul_prefix + key: "v" for key in ("c/a", "env/p/c/a", "env/q/c/b", "ü", "c/")})
    consul_server.put(consul_prefix + "binary", bytes(range(256)))
    consul_server.put(consul_prefix + "empty", b"")
    file = tmp_path / "export.json"
    file.write_bytes(consul_server.export(consul_prefix))
    assert len(json.loads(file.read_bytes())) == 7
    exported = await ExportSource(file, consul_prefix, Rules("p")).read(folders(""))
    async with opened(consul_server, consul_prefix, environment="p") as source:
        live = await source.read(folders(""))
    assert list(exported.items) == list(live.items)
    assert values(exported) == values(live)


async def test_a_thousand_single_keys(consul_server: ConsulServer, consul_prefix: str) -> None:
    """Many exact keys, half of them missing, on two connections."""
    names = [f"s{number}/url" for number in range(1000)]
    consul_server.put_many({consul_prefix + name: "v" for name in names[::2]})
    async with opened(consul_server, consul_prefix, timeout_s=30) as source:
        snapshot = await source.read(keys(*names))
        said = await source.confirm(names)
    assert set(snapshot.items) == set(names[::2])
    assert all((said[name] is Presence.PRESENT) == (number % 2 == 0) for number, name in enumerate(names))


async def test_another_datacenter(make_consul: Callable[..., ConsulServer]) -> None:
    """The configured datacenter is part of every read: Consul refuses one that it does not know."""
    server = make_consul()
    server.put("a", "v")
    async with opened(server, datacenter="dc1") as source:
        assert values(await source.read(keys("a", "a//b"))) == {"a": b"v"}
    async with opened(server, datacenter="dc9", timeout_s=0.5) as source:
        with pytest.raises(Exception, match="No path to datacenter"):
            await source.read(keys("a"))
        assert await source.confirm(["a", "b"]) == {"a": Presence.UNKNOWN, "b": Presence.UNKNOWN}
