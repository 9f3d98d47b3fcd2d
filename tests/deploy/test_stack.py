"""deploy/compose on a real engine: brought up healthy, changed, refused, stopped and started again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.deploy.stack import Stack
from tests.support.docker import Engine
from tests.support.processes import wait_until

pytestmark = pytest.mark.e2e

PATIENCE_S = 40


@pytest.fixture(scope="module")
def stack(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack, healthy; one for all tests of this file, each of which leaves it working."""
    found = Stack(engine, "not-used-without-acls", tmp_path_factory.mktemp("secrets"), "compose.yaml")
    try:
        found.compose("up", "-d", "--wait", "--no-build")
        yield found
    finally:
        found.compose("down", "-v", "-t", "2")


def test_comes_up_and_serves(stack: Stack) -> None:
    """Every service is healthy, and the backend answers through the gateway with what its .env says."""
    assert stack.answer() == "hello (password: set)\n"


def test_nothing_has_more_than_it_needs(stack: Stack) -> None:
    """No capability, a read-only file system, no root; what is published is published on loopback."""
    for service in ("consul", "syncd", "gateway", "backend"):
        found = stack.container(service)
        host = found["HostConfig"]
        assert (host["CapDrop"], host["ReadonlyRootfs"], host["Privileged"]) == (["ALL"], True, False), service
        assert found["Config"]["User"].split(":")[0] not in ("", "0", "root"), service
        published = [one["HostIp"] for ports in host["PortBindings"].values() for one in ports]
        assert set(published) <= {"127.0.0.1"}, service
        assert not any("docker.sock" in bind for bind in host["Binds"] or []), service


def test_a_changed_env_reaches_the_backend(stack: Stack) -> None:
    """The backend is started anew with the new value, in the same container."""
    before = stack.container("backend")["State"]["StartedAt"]
    stack.put("shop/config/greeting", 'it\'s $HOME & "more"')
    wait_until(lambda: stack.answer() == 'it\'s $HOME & "more" (password: set)\n', PATIENCE_S)
    assert stack.container("backend")["State"]["StartedAt"] == before
    stack.put("shop/config/greeting", "hello")
    wait_until(lambda: stack.answer() == "hello (password: set)\n", PATIENCE_S)


def test_a_new_upstream_is_served(stack: Stack) -> None:
    """nginx answers from the upstream that the key names; syncd has nginx's word that it does."""
    stack.put("shop/services/backend/url", "http://syncd:9464")
    wait_until(lambda: (found := stack.answer()) and "(password" not in found, PATIENCE_S)
    wait_until(lambda: "server syncd:9464" in stack.read("gateway", "/run/gateway/current/sites/gateway.conf"), 10)
    said = json.loads(stack.read("syncd", "/srv/syncd/result/gateway.json"))
    assert said["ok"] is True
    stack.put("shop/services/backend/url", "http://backend:8000")
    wait_until(lambda: stack.answer() == "hello (password: set)\n", PATIENCE_S)


def test_a_refused_config_is_put_back(stack: Stack) -> None:
    """nginx refuses the file: syncd has its words, both have the old file again, the old upstream answers."""
    good = stack.read("syncd", "/srv/syncd/files/gateway.conf")
    stack.put("shop/services/backend/url", "http://no-such-host.invalid:1")
    wait_until(lambda: stack.target("gateway").get("state") == "failed", PATIENCE_S)
    assert "host not found in upstream" in stack.target("gateway")["last_error"]
    assert stack.answer() == "hello (password: set)\n"
    assert stack.read("gateway", "/run/gateway/current/sites/gateway.conf") == good
    stack.put("shop/services/backend/url", "http://backend:8000")
    wait_until(lambda: stack.target("gateway").get("state") == "in_sync", PATIENCE_S)
    assert stack.read("syncd", "/srv/syncd/files/gateway.conf") == good


@pytest.mark.parametrize("service", ["gateway", "consul", "syncd", "backend"])
def test_stopped_and_started_again(stack: Stack, service: str) -> None:
    """Each service may go and come back: it stops in 2 s, and a key changed after it arrives."""
    began = time.monotonic()
    stack.compose("stop", service)
    took_s = time.monotonic() - began
    if service != "consul":  # not ours
        assert took_s < 2, f"{took_s:.2f} s"
    stack.compose("up", "-d", "--wait", "--no-build")
    stack.put("shop/config/greeting", f"after {service}")
    wait_until(lambda: stack.answer() == f"after {service} (password: set)\n", PATIENCE_S)
    stack.put("shop/config/greeting", "hello")
    wait_until(lambda: stack.answer() == "hello (password: set)\n", PATIENCE_S)


def test_no_secret_in_the_logs(stack: Stack) -> None:
    """Neither the token nor the password stands in any log of the stack."""
    logs = stack.compose("logs", "--no-color")
    assert "syncd-1" in logs
    assert "not-a-real-password" not in logs
    assert "not-used-without-acls" not in logs
