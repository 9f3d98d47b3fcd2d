"""Fixtures of the security tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.security.echo import Echo
from tests.faults.security.world import World
from tests.support.consul import ConsulServer
from tests.support.kv_server import WorkersKV


@pytest.fixture
def echo() -> Iterator[Echo]:
    """A server that answers 400 and everything it was sent."""
    one = Echo()
    yield one
    one.close()


@pytest.fixture
def world(tmp_path: Path, make_consul: Callable[..., ConsulServer], kv_namespace: WorkersKV, echo: Echo) -> World:
    """Planted secrets in a Consul of its own, with ACLs."""
    return World(tmp_path, make_consul(acl=True), kv_namespace, echo)
