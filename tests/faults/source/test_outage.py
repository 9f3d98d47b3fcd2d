"""Consul is gone: the daemon stays up, keeps what it has, says that it is stale, and goes on by itself."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.source.kit import AREA, NO_ANSWER, Place, endure
from tests.faults.support.reader import Reader
from tests.faults.support.report import record
from tests.support.cluster import ConsulCluster
from tests.support.consul import ConsulServer
from tests.support.processes import wait_until

MakePlace = Callable[..., Place]


def both(make_place: MakePlace, server: ConsulServer) -> tuple[Place, Place]:
    """Return two places that are in sync: one with syncd, and one where any answer, and none, is believed."""
    place, other = make_place(server), make_place(server, name="other")
    place.start(ready=False)
    other.start(without="credulous", ready=False)
    for one in (place, other):
        one.daemon.wait_ready()
    return place, other


@pytest.mark.e2e
def test_consul_is_killed_and_comes_back(make_consul: Callable[..., ConsulServer], make_place: MakePlace) -> None:
    """kill -9 in the middle of blocking queries: stale, in sync with what it has; then it goes on."""
    server = make_consul(persistent=True)
    place, other = both(make_place, server)
    daemon = place.daemon

    def says() -> bool:
        return daemon.source()["state"] == "stale" and daemon.metric("syncd_source_up") == 0.0

    recover_s = endure(
        place,
        server.kill,
        lambda: server.start() and None,
        happened=says,
        says=says,
        meanwhile=lambda: wait_until(other.harmed, 20) and None,
    )
    (stale,) = [event for event in daemon.events("source_stale") if "connection" in event["error"]][:1]
    assert stale["level"] == "warning"
    assert daemon.events("source_ok")
    record("kill -9 and restart", area=AREA, injected="SIGKILL", times=1, recover_s=recover_s, red_without=NO_ANSWER)


@pytest.mark.e2e
def test_consul_hangs_until_the_daemon_is_not_ready(
    make_consul: Callable[..., ConsulServer], make_place: MakePlace
) -> None:
    """SIGSTOP for longer than the source may be silent: /readyz says stale; SIGCONT heals it."""
    server = make_consul()
    place, other = both(make_place, server)
    daemon = place.daemon

    def says() -> bool:
        code, text = daemon.readyz()
        return code == 503 and "source: stale: was last heard of" in text and "did not answer" in text

    recover_s = endure(
        place,
        server.pause,
        server.resume,
        happened=lambda: True,
        says=says,
        meanwhile=lambda: wait_until(other.harmed, 20) and None,
        within_s=60,
    )
    record("Consul hangs", area=AREA, injected="SIGSTOP", times=1, recover_s=recover_s, red_without=NO_ANSWER)


@pytest.mark.e2e
def test_twenty_restarts_delete_nothing(make_consul: Callable[..., ConsulServer], make_place: MakePlace) -> None:
    """A server that has just started replays its log: it is asked consistently, and what vanishes is asked for again.

    Beside it runs a daemon that reads from any server and asks for nothing twice.
    """
    server, restarts = make_consul(persistent=True), 20
    server.put_many({f"elsewhere/{number}": "x" * 500 for number in range(4000)})  # so that a replay takes a while
    place, other = make_place(server), make_place(server, name="other")
    for one in (place, other):  # a blocking query waits until the replay is over; a full reading would not
        one.config["reconcile"] = {"interval": "1s"}
    place.start(ready=False)
    other.start(without="stale_reads")
    place.daemon.wait_ready()
    place.kv.reset()
    before = place.env.read_bytes()
    with Reader(place.env) as reader:
        for _ in range(restarts):
            server.kill()
            server.start()
        restarted = time.monotonic()
        wait_until(lambda: place.daemon.ready() and place.daemon.source()["state"] == "ok", 30)
        recover_s = time.monotonic() - restarted
    assert not reader.other(place.env, before)
    assert not [call for call in place.kv.requests() if call["method"] != "GET"]
    assert set(place.daemon.states().values()) == {"in_sync"}
    harmed = bool(other.kv.requests("POST bulk/delete"))
    record(
        "a server that replays its log",
        area=AREA,
        injected="SIGKILL and restart",
        times=restarts,
        recover_s=recover_s,
        red_without="consistent reads and the vanish guard" if harmed else "",
    )


@pytest.mark.e2e
def test_the_leader_dies(make_cluster: Callable[[], ConsulCluster], make_place: MakePlace) -> None:
    """The server that syncd asks answers 500 until the others have elected a leader.

    A daemon that takes any answer for Consul's deletes what it has.
    """
    cluster = make_cluster()
    leader = cluster.leader()
    follower = next(member for member in cluster.members if member is not leader)
    place, other = make_place(follower), make_place(follower, name="other")
    other.start(without="credulous", ready=False)
    daemon = place.start()
    other.daemon.wait_ready()

    def says() -> bool:
        return any("500" in event["error"] for event in daemon.events("source_stale"))

    def elected() -> None:
        wait_until(follower.answers, 30, "another leader")

    def the_other_is_harmed() -> None:
        wait_until(other.harmed, 20)

    recover_s = endure(place, leader.kill, elected, happened=says, says=says, meanwhile=the_other_is_harmed)
    errors = [event for event in daemon.events("source_stale") if "500" in event["error"]]
    record(
        "leader election in a three-server cluster (500)",
        area=AREA,
        injected="SIGKILL of the leader",
        times=len(errors),
        recover_s=recover_s,
        red_without="belief only in what Consul would say, and the vanish guard",
    )


@pytest.mark.e2e
def test_a_restored_snapshot(make_consul: Callable[..., ConsulServer], make_place: MakePlace, tmp_path: Path) -> None:
    """What is restored is the truth, though the watches are deaf to it; so is what is written afterwards.

    Without full readings nobody notices before a blocking query ends, a minute later.
    """
    server = make_consul(persistent=True)
    snapshot = str(tmp_path / "consul.snap")
    places = [make_place(server), make_place(server, name="other")]
    for place, without in zip(places, ("", "no_full_reading"), strict=True):
        place.config["consul"]["wait"] = "60s"
        place.config["reconcile"] = {"interval": "2s"}
        place.start(without=without, ready=False)
    place, other = places
    for one in places:
        one.daemon.wait_ready()
        one.put("services/app/url", "http://first")
    _consul(server, "snapshot", "save", snapshot)
    for number in range(20):  # so that the index falls far behind
        server.put("elsewhere", str(number))
    for one in places:
        one.put("services/app/url", "http://second")
        wait_until(lambda one=one: b"APP_URL=http://second\n" in one.env.read_bytes(), 10)
    place.kv.reset()
    states = [place.env.read_bytes().replace(b"http://second", url) for url in (b"http://second", b"http://first")]
    with Reader(place.env) as reader:
        _consul(server, "snapshot", "restore", snapshot)
        restored = time.monotonic()
        wait_until(lambda: place.env.read_bytes() == states[1], 20)
        deaf = b"APP_URL=http://second\n" in other.env.read_bytes()
        for one in places:
            one.put("services/app/url", "http://third")
        wait_until(lambda: b"APP_URL=http://third\n" in place.env.read_bytes(), 20)
        wait_until(place.daemon.ready, 10)
        recover_s = time.monotonic() - restored
    assert not reader.other(place.env, *states, states[0].replace(b"http://second", b"http://third"))
    assert not [call for call in place.kv.requests() if call["method"] != "GET"]
    assert deaf, "without full readings it should not have noticed"
    record(
        "a restored snapshot",
        area=AREA,
        injected="`consul snapshot restore`",
        times=1,
        recover_s=recover_s,
        red_without="full readings on the schedule",
    )


def _consul(server: ConsulServer, *args: str) -> None:
    subprocess.run(
        [server.bin, *args], env={"CONSUL_HTTP_ADDR": server.url}, check=True, capture_output=True, timeout=30
    )
