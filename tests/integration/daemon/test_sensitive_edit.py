"""An edit that makes a key sensitive which a target still sends to the edge."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.daemon import Daemon
from tests.support.processes import wait_until
from tests.support.stack import Stack

Start = Callable[..., Daemon]


def refusal(running: Daemon) -> str:
    """Return why the changed config is not in use, "" where it is."""
    return str(running.status()["config"]["error"] or "")


def test_a_key_made_sensitive_that_the_edge_still_sends(stack: Stack, daemon: Start) -> None:
    """The refusal names target and key, and what to do; with both in one edit it is taken, and the pair removed."""
    stack.put(config__domains__own="x")
    stack.config["targets"]["edge"]["keys"] = ["config/domains/api", "config/domains/own"]
    running = daemon()
    stack.config["sensitive"] = ["config/domains/own"]
    stack.write_config()
    wait_until(lambda: refusal(running), 10)
    assert (
        "edge: config/domains/own: this target lists it in `keys`, but it matches `sensitive`: it is not sent to "
        "the edge, and a pair that is there stays; take it out of `keys`, or set allow_sensitive: true"
    ) in refusal(running)
    stack.config["targets"]["edge"]["keys"] = ["config/domains/api"]
    stack.write_config()
    wait_until(lambda: stack.kv.get("config/domains/own") is None, 10)
    assert not refusal(running)
