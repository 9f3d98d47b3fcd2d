"""A leader that is stopped, killed or cut off: what it decided before does not go out once another may write."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable

import pytest

from syncd.engine.leadership import LEASE_S
from tests.faults.support.report import record
from tests.support.consul import ConsulServer
from tests.support.instances import LOCK_KEY, Instance
from tests.support.processes import wait_until
from tests.support.stack import Stack

Instances = Callable[..., list[Instance]]
AREA = "One writer"
STOPPED = "leader stopped in the middle of a push (SIGSTOP)"
CUT_OFF = "leader cut off from Consul"
KILLED = "leader killed in the middle of a push"
GATE = "the check before each write"
TUNED = (sys.executable, "-m", "tests.faults.lock.tuned")
SHORT_S = 2.0
TAKEN_OVER_S = 45.0
"""A dead leader's session (TTL twice at the most) and the lock delay are over by then."""
PAIRS = 1_100
"""Two bulks."""


def push_in_two_bulks(stack: Stack, leader: Instance) -> None:
    """Have the leader begin a push of two bulks, and stop it when the first has arrived and is not answered."""
    leader.proxy.hold.clear()
    stack.put(**{f"config__domains__n{number:04}": f"https://{number}.example.com" for number in range(PAIRS)})
    before = len(leader.proxy.writes)
    wait_until(lambda: len(leader.proxy.writes) > before, 20, "the leader pushes")
    leader.signal(signal.SIGSTOP)
    leader.proxy.hold.set()


def all_written(stack: Stack) -> bool:
    """Return whether every pair is at the edge."""
    return len(stack.kv.list("config/domains/n")) == PAIRS


def many(stack: Stack) -> Stack:
    """Return the stack with limits that let the test's changes pass."""
    stack.config["limits"] = {"max_delete_percent": 100, "max_update_percent": 100}
    return stack


def stop_and_let_go_on(stack: Stack, leader: Instance, follower: Instance, take_over: Callable[[], None]) -> int:
    """Stop the leader in a push, let the follower take over and finish, wake the leader; return what that one writes.

    A change is made when both run: the follower, which leads now, must write it, so the old leader had its time.
    """
    push_in_two_bulks(stack, leader)
    take_over()
    wait_until(follower.leading, 60)
    wait_until(lambda: all_written(stack), 20)
    before = len(leader.proxy.writes)
    leader.signal(signal.SIGCONT)
    wait_until(lambda: not leader.leading() and leader.target("edge").get("role") == "follower", 20)
    stack.put(config__domains__api="https://after.example.com")
    wait_until(lambda: any("config/domains/api" in write.keys for write in follower.proxy.writes[1:]), 20)
    wait_until(lambda: leader.target("edge")["state"] == "in_sync", 60)
    return len(leader.proxy.writes) - before


def take_the_lock_away(stack: Stack) -> None:
    """Wait until the tuned lease is over and free the lock at once, which a dead session would do after half a minute.

    The waiting is the fault itself: for so long the leader is stopped.
    """
    time.sleep(SHORT_S + 0.5)
    stack.consul.delete(stack.prefix + LOCK_KEY)


def test_a_leader_that_was_stopped_in_a_push_does_not_go_on(stack: Stack, instances: Instances) -> None:
    """Its second bulk, decided before the stop, does not go out, and nothing else does."""
    leader, follower = instances("a", "b", command=TUNED, env={"TUNED_LEASE_S": str(SHORT_S)})
    written = stop_and_let_go_on(many(stack), leader, follower, lambda: take_the_lock_away(stack))
    assert written == 0
    assert "lock_lost" in leader.log
    record(STOPPED, area=AREA, injected="SIGSTOP, SIGCONT", times=1)


@pytest.mark.e2e
def test_without_the_gate_it_would(stack: Stack, instances: Instances) -> None:
    """The same with the check taken out: the second bulk goes out after the follower's."""
    leader, _ = instances("a", "b", command=TUNED, env={"TUNED_LEASE_S": str(SHORT_S), "TUNED_NO_GATE": "yes"})
    push_in_two_bulks(many(stack), leader)
    take_the_lock_away(stack)
    wait_until(lambda: all_written(stack), 20)
    before = len(leader.proxy.writes)
    leader.signal(signal.SIGCONT)
    wait_until(lambda: len(leader.proxy.writes) > before, 20, "the stopped leader writes again")
    record(STOPPED, area=AREA, red_without=GATE)


@pytest.mark.e2e
def test_a_leader_that_is_cut_off_from_consul_stops_writing(
    stack: Stack, make_consul: Callable[..., ConsulServer], instances: Instances
) -> None:
    """Its lease runs out by itself, its drift repair sends nothing; Consul back, it goes on."""
    leader = cut_off(stack, make_consul(), instances)
    try:
        before = len(leader.proxy.writes)
        leader.signal(signal.SIGHUP)
        wait_until(lambda: leader.target("edge")["state"] == "pending", 30)
        assert "could not be renewed" in leader.target("edge")["last_error"]
        assert len(leader.proxy.writes) == before
    finally:
        stack.consul.resume()
    began = time.monotonic()
    wait_until(lambda: stack.kv.get("config/domains/web") is not None, 40)
    record(CUT_OFF, area=AREA, injected="SIGSTOP of Consul", times=1, recover_s=time.monotonic() - began)


def cut_off(stack: Stack, consul: ConsulServer, instances: Instances, **env: str) -> Instance:
    """Return a leader whose lease has run out because Consul hangs, and in whose namespace a pair is missing since."""
    stack.consul = consul
    stack.config["consul"]["address"] = stack.consul.url
    stack.put(config__domains__web="https://www.example.com", services__app__url="http://h:1", secrets__db="s3cret")
    assert stack.syncd("once")[0] == 0  # what it wrote itself a daemon would believe over the list
    (leader,) = instances("a", command=TUNED, env={"TUNED_LEASE_S": str(SHORT_S), **env})
    stack.consul.pause()
    wait_until(lambda: not leader.leading(), 20)
    stack.kv.delete("config/domains/web")
    return leader


@pytest.mark.e2e
def test_without_the_gate_it_would_write_cut_off(
    stack: Stack, make_consul: Callable[..., ConsulServer], instances: Instances
) -> None:
    """The same with the check taken out: its drift repair goes out, though another may have the lock by now."""
    leader = cut_off(stack, make_consul(), instances, TUNED_NO_GATE="yes")
    try:
        before = len(leader.proxy.writes)
        leader.signal(signal.SIGHUP)
        wait_until(lambda: len(leader.proxy.writes) > before, 30, "it writes without a lease")
        assert not leader.leading()
    finally:
        stack.consul.resume()
    record(CUT_OFF, area=AREA, red_without=GATE)


@pytest.mark.e2e
@pytest.mark.long
def test_a_leader_that_was_stopped_for_40_s_never_writes_again(stack: Stack, instances: Instances) -> None:
    """In earnest: the session ends, the lock delay passes, the follower takes over; the woken leader sends nothing."""
    leader, follower = instances("a", "b")
    began = time.monotonic()

    def stopped_long_enough() -> None:
        wait_until(lambda: time.monotonic() - began > 40, 60)

    assert stop_and_let_go_on(many(stack), leader, follower, stopped_long_enough) == 0
    record(STOPPED, area=AREA, injected="SIGSTOP for 40 s, SIGCONT", times=1)


@pytest.mark.e2e
@pytest.mark.long
def test_a_killed_leader_is_followed(stack: Stack, instances: Instances) -> None:
    """kill -9 in the middle of a push: the follower takes over when session and lock delay are over, and finishes it.

    No two writes of different instances come closer than the rest of the lease.
    """
    leader, follower = instances("a", "b")
    push_in_two_bulks(many(stack), leader)
    leader.signal(signal.SIGKILL)
    killed_at = time.monotonic()
    wait_until(follower.leading, TAKEN_OVER_S)
    took_s = time.monotonic() - killed_at
    wait_until(lambda: all_written(stack), 20)
    assert follower.proxy.writes[0].at - leader.proxy.writes[-1].at > LEASE_S
    record(KILLED, area=AREA, injected="kill -9", times=1, recover_s=took_s)


@pytest.mark.e2e
@pytest.mark.long
def test_without_a_session_that_ends_nobody_follows(stack: Stack, instances: Instances) -> None:
    """A lock that outlives its holder: so long after kill -9 nobody has finished the push, and nobody will."""
    leader, follower = instances("a", "b", command=TUNED, env={"TUNED_NO_TTL": "yes"})
    push_in_two_bulks(many(stack), leader)
    leader.signal(signal.SIGKILL)
    killed_at = time.monotonic()
    wait_until(lambda: time.monotonic() - killed_at > TAKEN_OVER_S, TAKEN_OVER_S + 5)
    assert not follower.leading()
    assert not all_written(stack)
    assert not follower.proxy.writes
    record(KILLED, area=AREA, red_without="a session that ends by itself")
