"""Connections to Consul: never more than the budget, none that hangs for ever, and no stampede after a restart."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.faults.source.kit import AREA, Place
from tests.faults.support import lies
from tests.faults.support.proxy import FaultProxy
from tests.faults.support.reader import Reader
from tests.faults.support.report import record
from tests.faults.support.running import Running
from tests.support.consul import ConsulServer
from tests.support.processes import wait_until

MakePlace = Callable[..., Place]
BUDGET = 20
MANY = 60
TEMPLATE = """\
{% for number in range(count) %}{% set area = 'area' ~ number %}
{% for key, value in tree(area ~ '/config').items() %}{{ area }} {{ key }}={{ value }}
{% endfor %}{% for one in service(prefix ~ number) %}{{ one.port }}{% endfor %}{% endfor %}
"""


def greedy(place: Place, count: int) -> Place:
    """Have a template read so many folders, each with secrets beside it, and so many services."""
    for start in range(0, count, 20):
        numbers = range(start, min(start + 20, count))
        keys = {f"area{number}/config/{key}": key for number in numbers for key in "ab"}
        keys |= {f"area{number}/secrets/key": "s3cret" for number in numbers}
        place.consul.put_many({place.prefix + key: value for key, value in keys.items()})
    (place.folder / "many.j2").write_text(TEMPLATE)
    place.config["sensitive"] = ["*/secrets/**"]
    variables = {"count": count, "prefix": f"svc-{place.prefix.strip('/')}-"}
    place.config["targets"]["many"] = {
        "kind": "template",
        "template": "many.j2",
        "path": "out/many",
        "vars": variables,
    }
    return place


def most_sockets(daemon: Running, port: int, during: Callable[[], object]) -> int:
    """Return the most established connections to a port that were seen until `during` is true."""
    most = 0

    def look() -> object:
        nonlocal most
        most = max(most, daemon.sockets(port))
        return during()

    wait_until(look, 30)
    return most


@pytest.mark.parametrize("count", [12, pytest.param(MANY, marks=pytest.mark.e2e)])
def test_the_budget_holds(consul_server: ConsulServer, make_place: MakePlace, count: int) -> None:
    """Folders that must not be merged, for secrets lie beside them, and as many services: 20 sockets, and all arrives.

    A daemon without the budget opens one for each.
    """
    place = greedy(make_place(consul_server), count)
    other = greedy(make_place(consul_server, name="other"), count)
    place.start(ready=False)
    other.start(without="unbounded", ready=False)
    many = place.folder / "out/many"
    most = most_sockets(place.daemon, consul_server.port, place.daemon.ready)
    last = f"area{count - 1}"
    place.put(f"{last}/config/a", "changed")
    most = max(most, most_sockets(place.daemon, consul_server.port, lambda: f"{last} a=changed" in many.read_text()))
    other.daemon.wait_ready()
    too_many = most_sockets(other.daemon, consul_server.port, lambda: other.daemon.sockets(consul_server.port) > BUDGET)
    assert 10 < most <= BUDGET
    assert place.daemon.source()["connections"] <= BUDGET
    record(
        f"{2 * count} paths to watch, {BUDGET} connections",
        area=AREA,
        injected=f"{count} folders beside secrets and {count} services, sockets counted in /proc/net/tcp",
        times=2 * count,
        red_without=f"the budget ({too_many} sockets)",
    )


@pytest.mark.e2e
def test_a_watch_that_hears_nothing_is_replaced(
    make_proxy: Callable[[str], FaultProxy], consul_server: ConsulServer, make_place: MakePlace
) -> None:
    """A query that is never answered, over a connection that stays open, is given up and asked again on another."""
    proxy = make_proxy(consul_server.url)
    places = {name: make_place(consul_server, proxy.url, name=name) for name in ("place", "other")}
    for name, one in places.items():
        one.start(without="patient" if name == "other" else "", ready=False)
    for one in places.values():
        one.daemon.wait_ready()
    place, other = places["place"], places["other"]
    before = place.env.read_bytes()
    with Reader(place.env) as reader:
        for name, one in places.items():
            proxy.lie(name, lies.silence, lambda request, one=one: one.mine(request))
        wait_until(lambda: all(proxy.delivered[name] >= 4 for name in places), 10)
        proxy.relent()
        relented = time.monotonic()
        for one in places.values():
            one.put("config/features/ai", "maybe")
        wait_until(lambda: b"FEATURE_AI=maybe" in place.env.read_bytes(), 30)
        recover_s = time.monotonic() - relented
    assert not reader.other(place.env, before, before.replace(b"FEATURE_AI=true", b"FEATURE_AI=maybe"))
    assert b"FEATURE_AI=true" in other.env.read_bytes()
    record(
        "a watch that is never answered",
        area=AREA,
        injected="a proxy that keeps silent on an open connection",
        times=proxy.delivered["place"],
        recover_s=recover_s,
        red_without="the time limit of a blocking query",
    )


@pytest.mark.e2e
def test_nothing_reconnects_in_lock_step(
    make_proxy: Callable[[str], FaultProxy], consul_server: ConsulServer, make_place: MakePlace
) -> None:
    """After a server that was away is back, the watches come back spread out in time."""
    spreads: dict[str, float] = {}
    for name in ("", "lock_step"):
        proxy = make_proxy(consul_server.url)
        place = greedy(make_place(consul_server, proxy.url, name=name or "shipped"), 12)
        place.config["consul"]["wait"] = "60s"
        place.start(without=name)
        watches = place.daemon.source()["connections"]
        assert watches > 10
        wait_until(lambda proxy=proxy, watches=watches: proxy.connections >= watches)
        proxy.deaf()
        wait_until(lambda place=place: place.daemon.source()["state"] == "stale")
        proxy.connected_at.clear()
        proxy.listen()
        wait_until(lambda proxy=proxy, watches=watches: len(proxy.connected_at) >= watches)
        back = sorted(proxy.connected_at[:watches])
        spreads[name or "shipped"] = back[-2] - back[1]  # without the first and the last
        place.daemon.kill()
    assert spreads["shipped"] > 2 * spreads["lock_step"], spreads
    record(
        "all connections break at once",
        area=AREA,
        injected="a proxy resets them and refuses new ones for a while; they came back within "
        f"{spreads['shipped'] * 1000:.0f} ms, without jitter within {spreads['lock_step'] * 1000:.0f} ms",
        times=1,
        red_without="jitter",
    )
