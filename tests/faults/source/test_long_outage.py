"""An outage of an hour, on a clock that is made to run; and an index that falls back and stays there."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from tests.faults.source.kit import AREA, NO_ANSWER, Place, endure
from tests.faults.support import lies
from tests.faults.support.proxy import FaultProxy
from tests.faults.support.reader import Reader
from tests.faults.support.report import record
from tests.support.consul import ConsulServer
from tests.support.processes import wait_until

MakePlace = Callable[..., Place]
MakeProxy = Callable[[str], FaultProxy]
HOUR_S = 3600.0


@pytest.mark.e2e
@pytest.mark.long
def test_an_hour_without_consul(make_proxy: MakeProxy, consul_server: ConsulServer, make_place: MakePlace) -> None:
    """It never gives up asking, keeps what it has, says for how long, and goes on when Consul is back.

    Its event loop and its wall clock run two minutes in a second meanwhile: the hour is real to all that waits.
    """
    proxy = make_proxy(consul_server.url)
    place, other = make_place(consul_server, proxy.url), make_place(consul_server, proxy.url, name="other")
    place.start(without="an_hour", ready=False)
    other.start(without="an_hour+credulous", ready=False)
    for one in (place, other):
        one.daemon.wait_ready()
    daemon = place.daemon

    def gone() -> None:
        proxy.lie("reset", lies.reset, place.mine)
        proxy.lie("reset other", lies.reset, other.mine)
        for one in (place, other):
            one.daemon.process.send_signal(signal.SIGUSR1)

    def back() -> None:
        place.daemon.process.send_signal(signal.SIGUSR2)
        proxy.heal()

    def silent_s() -> float:
        text = daemon.readyz()[1]
        return float(text.split("was last heard of ")[1].split(" ")[0]) if "was last heard of" in text else 0.0

    recover_s = endure(
        place,
        gone,
        back,
        happened=lambda: silent_s() > HOUR_S,
        says=lambda: daemon.readyz()[0] == 503 and daemon.source()["state"] == "stale",
        meanwhile=lambda: wait_until(other.harmed, 20) and None,
        within_s=120,
    )
    assert proxy.delivered["reset"] > HOUR_S / 15, "asked at least every 15 s"
    record(
        "Consul gone for an hour",
        area=AREA,
        injected="connections reset by a proxy; the daemon's clock runs 120 times as fast",
        times=proxy.delivered["reset"],
        recover_s=recover_s,
        red_without=NO_ANSWER,
    )


@pytest.mark.e2e
def test_an_index_that_falls_back(make_proxy: MakeProxy, consul_server: ConsulServer, make_place: MakePlace) -> None:
    """The index of every answer is suddenly lower, as minutes after a delete: changes go on arriving.

    Who asks for what is newer than the old index is not told of any before the query ends.
    """
    proxy = make_proxy(consul_server.url)
    places = make_place(consul_server, proxy.url), make_place(consul_server, proxy.url, name="other")
    for one, without in zip(places, ("", "only_forward"), strict=True):
        one.config["consul"]["wait"] = "60s"
        one.start(without=without, ready=False)
    place, other = places
    for one in places:
        one.daemon.wait_ready()
    for number in range(150):  # so that the index can fall
        consul_server.put(f"{place.prefix}elsewhere", str(number))
    for one in places:
        _change(one, "maybe")
        _change(one, "true")
    place.kv.reset()
    before = place.env.read_bytes()
    with Reader(place.env) as reader:
        proxy.behind = 100
        _change(place, "maybe")
        _change(place, "true")
        other.put("config/features/ai", "maybe")
        _change(place, "maybe")
        _change(place, "true")
        deaf = b"FEATURE_AI=true" in other.env.read_bytes()
        proxy.behind = 0
        healed = time.monotonic()
        _change(place, "maybe")
        wait_until(place.daemon.ready, 10)
        recover_s = time.monotonic() - healed
    assert not reader.other(place.env, before, before.replace(b"FEATURE_AI=true", b"FEATURE_AI=maybe"))
    assert not [call for call in place.kv.requests() if call["method"] != "GET"]
    assert deaf, "it should still wait for the old index"
    record(
        "the index falls back",
        area=AREA,
        injected="by a proxy",
        times=proxy.delivered["behind"],
        recover_s=recover_s,
        red_without="following an index that falls",
    )


def _change(place: Place, value: str) -> None:
    place.put("config/features/ai", value)
    wait_until(lambda: f"FEATURE_AI={value}".encode() in place.env.read_bytes(), 10)
