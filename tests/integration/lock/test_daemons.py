"""Two daemons, one lock: one of them writes Workers KV, both write their files; the other takes over when it may."""

from __future__ import annotations

import signal
from collections.abc import Callable

from tests.support.http import Http
from tests.support.instances import LOCK_KEY, Instance
from tests.support.processes import wait_until
from tests.support.stack import Stack

Instances = Callable[..., list[Instance]]


def holder(stack: Stack) -> bytes:
    """Return what the lock's holder says of itself."""
    return stack.consul.get(stack.prefix + LOCK_KEY) or b""


def test_one_writes_the_edge_and_all_write_their_files(stack: Stack, instances: Instances) -> None:
    """The follower sends no write, keeps a warm plan, says who leads, and is in sync when the leader has written."""
    leader, follower = instances("a", "b")
    for number in range(2):
        stack.put(config__domains__api=f"https://{number}.example.com", services__app__url=f"http://127.0.0.1:{number}")
        wait_until(lambda url=f"https://{number}.example.com": stack.kv.get("config/domains/api") == url.encode(), 10)
    for one in (leader, follower):
        env = one.folder / "out/app.env"
        wait_until(lambda env=env: "APP_URL=http://127.0.0.1:1\n" in env.read_text(), 10)
        wait_until(one.in_sync, 10)
    assert len(leader.proxy.writes) == 3
    assert follower.proxy.writes == []
    assert (leader.target("edge")["role"], follower.target("edge")["role"]) == ("leader", "follower")
    assert follower.target("app-env")["role"] is None
    assert follower.status()["lock"]["holder"].encode() == holder(stack)
    assert f"pid {leader.process and leader.process.pid}" in follower.status()["lock"]["holder"]
    for one, held, says in ((leader, "1.0", "this instance"), (follower, "0.0", "syncd run on ")):
        url = f"http://{one.config['http']['listen']}"
        assert f"syncd_leader {held}\n" in Http(url)("GET", "/metrics").text
        assert f"lock {stack.prefix}{LOCK_KEY}: held by {says}" in stack.syncd("status", "--url", url)[1]


def test_a_follower_says_what_waits(stack: Stack, instances: Instances) -> None:
    """While the leader does not write, the follower's target is pending because another instance writes."""
    leader, follower = instances("a", "b")
    (leader.folder / ".syncd/paused").touch()
    stack.put(config__domains__api="https://new.example.com")
    wait_until(lambda: "another instance writes" in str(follower.target("edge").get("last_error")), 10)
    assert follower.target("edge")["state"] == "pending"
    assert f"pid {leader.process and leader.process.pid}" in follower.target("edge")["last_error"]
    assert follower.proxy.writes == []


def test_a_leader_that_ends_hands_over_at_once(stack: Stack, instances: Instances) -> None:
    """SIGTERM releases the lock: the follower writes what changes from then on, without a lock delay."""
    leader, follower = instances("a", "b")
    leader.signal(signal.SIGTERM)
    assert leader.wait() == 0
    wait_until(follower.leading, 5)
    stack.put(config__domains__api="https://second.example.com")
    wait_until(lambda: stack.kv.get("config/domains/api") == b"https://second.example.com", 10)
    assert [write.keys for write in follower.proxy.writes] == [["config/domains/api"]]


def test_a_leader_that_ends_in_a_push_does_not_hand_over_at_once(stack: Stack, instances: Instances) -> None:
    """What it sent may still be carried out: the lock delay keeps the follower away for a while."""
    leader, follower = instances("a", "b")
    leader.proxy.hold.clear()
    stack.put(config__domains__api="https://sent.example.com")
    wait_until(lambda: len(leader.proxy.writes) == 2, 10)
    leader.signal(signal.SIGTERM)
    assert leader.wait() == 0
    wait_until(lambda: "nobody has the lock" in str(follower.target("edge").get("last_error")) or _asks(follower), 10)
    assert not follower.leading()
    assert follower.proxy.writes == []


def _asks(follower: Instance) -> bool:
    """Return whether the follower knows that nobody holds the lock."""
    lock = follower.status().get("lock")
    return lock is not None and lock["holder"] is None


def test_the_lock_is_no_configuration(stack: Stack, instances: Instances) -> None:
    """A target that wants every key does not get it, and the holder's words are not at the edge."""
    stack.config["targets"]["edge"]["keys"] = ["config/**", "syncd/**"]
    instances("a")
    assert holder(stack).startswith(b"syncd run on ")
    assert set(stack.kv.list()) == {"config/domains/api", "config/domains/web"}


def test_once_waits_its_turn(stack: Stack, instances: Instances) -> None:
    """While a daemon leads, `once` ends with 1, names it and changes nothing; over files alone it needs no lock."""
    (leader,) = instances("a")
    stack.config["consul"]["lock_key"] = LOCK_KEY
    code, _, err = stack.syncd("once", "--timeout", "1s")
    assert (code, f"pid {leader.process and leader.process.pid}" in err, "lock_key" in err) == (1, True, True), err
    assert not (stack.folder / "out").exists()
    assert stack.syncd("once", "--target", "app-env")[0] == 0
    leader.signal(signal.SIGTERM)
    leader.wait()
    stack.put(config__domains__api="https://once.example.com")
    for _ in range(2):  # released: the second one waits for no lock delay
        code, _, err = stack.syncd("once", "--timeout", "10s")
        assert code == 0, err
    assert stack.kv.get("config/domains/api") == b"https://once.example.com"
    assert holder(stack).startswith(b"syncd once on ")


def test_without_a_lock_key_there_is_no_session(stack: Stack) -> None:
    """Nothing is made in Consul, and the status has no lock."""
    before = stack.consul.http("GET", "/v1/session/list").json()
    assert stack.syncd("once")[0] == 0
    assert [one["Name"] for one in stack.consul.http("GET", "/v1/session/list").json() if one not in before] == []
    assert stack.consul.get(stack.prefix + LOCK_KEY) is None
