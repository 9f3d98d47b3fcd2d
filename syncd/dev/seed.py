"""Fills the Consul-compatible server from an export or seed file."""

from pathlib import Path

from syncd.dev.consul_server.state import ConsulState


def fill(state: ConsulState, path: Path) -> int:
    return 0
