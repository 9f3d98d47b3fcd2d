"""The variant with three Consul servers that deny by default, on a real engine."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from tests.deploy.stack import Stack
from tests.support.docker import Engine
from tests.support.processes import wait_until

pytestmark = pytest.mark.e2e


def test_a_lost_server_and_a_token_that_only_reads(engine: Engine, tmp_path: Path) -> None:
    """Healthy with a token that may only read; the server that is lost is not missed, and a changed key arrives."""
    token = str(uuid.uuid4())
    stack = Stack(engine, token, tmp_path, "compose.yaml", "cluster.yaml")
    admin = ["env", "CONSUL_HTTP_TOKEN_FILE=/consul/data/admin"]
    try:
        stack.compose("up", "-d", "--wait", "--no-build")
        assert stack.answer() == "hello (password: set)\n"
        write = ["exec", "-T", "consul-2", "env", f"CONSUL_HTTP_TOKEN={token}", "consul", "kv", "put"]
        assert stack.refused(*write, "shop/config/greeting", "mine")
        stack.compose("stop", "consul")
        put = ["run", "--rm", "--no-deps", "-T", "-e", "CONSUL_HTTP_ADDR=http://consul-2:8500", "--entrypoint", ""]
        words = [*put, "seed", *admin, "consul", "kv", "put", "shop/config/greeting", "two left"]
        wait_until(lambda: not stack.refused(*words), 40)  # until the two have a leader again
        wait_until(lambda: stack.answer() == "two left (password: set)\n", 60)
    finally:
        stack.compose("down", "-v", "-t", "2")
