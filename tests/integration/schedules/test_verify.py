"""Deep verification: a value that somebody changed behind its metadata is found, reported and repaired."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from syncd.engine.daemon.verifying import round_order
from tests.support.daemon import Daemon
from tests.support.processes import wait_until
from tests.support.stack import Stack

Start = Callable[..., Daemon]
KEY = "config/domains/api"
RIGHT = b"https://api.example.com"


def verified(stack: Stack, daemon: Start, **more: object) -> Daemon:
    """Return a daemon that reads back what another run wrote: of its own writes it is sure for two minutes."""
    assert stack.syncd("once")[0] == 0
    stack.config["targets"]["edge"] |= {"verify": {"interval": "1s"}, **more}
    return daemon()


def spoil(stack: Stack, key: str, value: str | bytes) -> None:
    """Change a value and leave its metadata as they are, as somebody with a script may."""
    stack.kv.put(key, value, stack.kv.metadata(key))


def test_a_wrong_value_is_found_and_repaired(stack: Stack, daemon: Start) -> None:
    """Metadata say that all is well; the value is read back, an event names the key, and the pass writes it again."""
    running = verified(stack, daemon)
    spoil(stack, KEY, "https://evil.example.com")
    wait_until(lambda: stack.kv.get(KEY) == RIGHT, 15)
    (drift,) = wait_until(lambda: running.events("drift"), 5)
    assert (drift["target"], drift["keys"], drift["level"]) == ("edge", [KEY], "warning")
    wait_until(running.ready, 10)
    *_, bulk = stack.kv.requests("PUT bulk")
    assert bulk["keys"] == [KEY]
    assert running.stop() == 0


def test_nothing_is_said_or_written_where_values_are_right(stack: Stack, daemon: Start) -> None:
    """Text, bytes that are none, a byte order mark and an empty value are read back as what was written."""
    stack.consul.put(stack.prefix + "config/domains/bytes", b"\xff\xfe\x00 and \xe2\x82 cut")
    stack.consul.put(stack.prefix + "config/domains/mark", b"\xef\xbb\xbfmarked")
    stack.consul.put(stack.prefix + "config/domains/none", b"")
    running = verified(stack, daemon)
    stack.kv.reset()
    wait_until(lambda: len(running.events("verified")) >= 2, 15)
    assert {line["wrong"] for line in running.events("verified")} == {0}
    assert running.events("verified")[0]["entries"] == 5
    assert stack.kv.requests("PUT bulk") == []
    assert {call["status"] for call in stack.kv.requests("POST bulk/get")} == {200}


def test_what_could_not_be_compared_is_not_said_to_be(stack: Stack, daemon: Start) -> None:
    """Of what it wrote itself a moment ago it claims nothing, and the next round begins with it."""
    stack.config["targets"]["edge"] |= {"verify": {"interval": "1s"}}
    running = daemon()
    line = wait_until(lambda: running.events("verified"), 15)[0]
    assert (line["entries"], line["left_out"], line["wrong"]) == (0, 2, 0)
    assert stack.kv.requests("POST bulk/get") == []
    assert round_order("abcd", 0.5, {"b"}) == ["b", "c", "d", "a"]


def test_a_wrong_value_that_is_not_text_is_found(stack: Stack, daemon: Start) -> None:
    """Its text parts tell."""
    stack.consul.put(stack.prefix + "config/domains/bytes", b"\xff one")
    running = verified(stack, daemon)
    spoil(stack, "config/domains/bytes", b"\xff two")
    wait_until(lambda: stack.kv.get("config/domains/bytes") == b"\xff one", 15)
    assert running.events("drift")[0]["keys"] == ["config/domains/bytes"]


def test_a_repair_waits_for_the_window(stack: Stack, daemon: Start) -> None:
    """Outside of `only_between` the drift is reported, and stays known over a full read of the metadata."""
    begins = datetime.now(UTC) + timedelta(hours=6)
    stack.config["reconcile"] = {"interval": "1s"}
    running = verified(stack, daemon, only_between=[f"{begins:%H:%M}-{begins + timedelta(hours=1):%H:%M}"])
    spoil(stack, KEY, "https://evil.example.com")
    wait_until(lambda: "changes wait for" in (running.target("edge")["last_error"] or ""), 15)
    before = len(stack.kv.requests("GET keys"))
    wait_until(lambda: len(stack.kv.requests("GET keys")) >= before + 2, 15)
    assert "changes wait for" in (running.target("edge")["last_error"] or "")
    assert stack.kv.get(KEY) == b"https://evil.example.com"


def test_trouble_with_the_api_harms_nothing(stack: Stack, daemon: Start) -> None:
    """A read that is refused is an event; the target stays in sync, and the next round finds what is wrong."""
    running = verified(stack, daemon)
    stack.kv.fault("POST bulk/get", status=403, times=1)
    wait_until(lambda: running.events("verify_failed"), 15)
    assert running.ready()
    spoil(stack, KEY, "https://evil.example.com")
    wait_until(lambda: stack.kv.get(KEY) == RIGHT, 15)


def test_check_and_run_warn_of_the_free_plan(stack: Stack, daemon: Start) -> None:
    """Two pairs read back every second, and a list every ten: more than is free; `verify: {}` once a day is not."""
    stack.config["reconcile"] = {"interval": "10s"}
    stack.config["targets"]["edge"]["verify"] = {"interval": "1s"}
    code, _, err = stack.syncd("check")
    assert code == 0
    assert "about 8,640 pages of lists a day; the free plan allows 1,000 in all" in err
    assert "about 172,800 values read back a day; the free plan allows 100,000 in all" in err
    running = daemon()
    words = [line["error"] for line in running.events("free_plan")]
    assert any("pages of lists" in one for one in words)
    assert any("values read back" in one for one in words)
    stack.config["reconcile"] = {"interval": "5m"}
    stack.config["targets"]["edge"]["verify"] = {}
    assert "free plan" not in stack.syncd("check")[2]


def test_only_the_instance_that_writes_verifies(stack: Stack, daemon: Start) -> None:
    """While another one has the lock nothing is read back; as soon as it lets go, everything is."""
    assert stack.syncd("once")[0] == 0
    session = json.loads(stack.consul._ok("PUT", "/v1/session/create", {"LockDelay": "0s"}).body)["ID"]
    lock = f"{stack.prefix}syncd/lock"
    stack.consul._ok("PUT", f"/v1/kv/{lock}?acquire={session}", {"who": "another"})
    stack.config["consul"]["lock_key"] = "syncd/lock"
    stack.config["targets"]["edge"]["verify"] = {"interval": "1s"}
    stack.config["reconcile"] = {"interval": "1s"}
    stack.kv.reset()
    running = daemon()
    wait_until(lambda: len(stack.kv.requests("GET keys")) >= 4, 20)
    assert stack.kv.requests("POST bulk/get") == []
    stack.consul._ok("PUT", f"/v1/session/destroy/{session}")
    wait_until(lambda: running.events("verified"), 25)
