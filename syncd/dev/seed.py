"""Fills the Consul-compatible server from an export or seed file."""

from pathlib import Path

import msgspec

from syncd.core.model import Instance
from syncd.dev.consul_server.agent import NAME, register_anywhere
from syncd.dev.consul_server.requests import CheckWish, NodeWish, ServiceWish
from syncd.dev.consul_server.state import ConsulState
from syncd.sources.export import load_seed

_NO_NODE = "seed"  # what load_seed says of an instance whose node the file does not name
_BY_HAND_TTL = "8760h"  # so long that only a report changes the status


def fill(state: ConsulState, path: Path) -> int:
    """Write the keys and services of a file in one write; return how many keys there are.

    An instance without a node of its own is registered with the agent, with a TTL check: `PUT
    /v1/agent/check/fail/service:ID` turns it critical by hand.

    Raises:
        ConfigError: the file has faults.
    """
    seed = load_seed(path)
    with state.write() as index:
        for one in seed.keys:
            state.kv.set(index, one.key, one.value, flags=0)
        for instances in (seed.services or {}).values():
            for instance in instances:
                _register(state, index, instance)
    return len(seed.keys)


def _register(state: ConsulState, index: int, one: Instance) -> None:
    service = ServiceWish(
        name=one.name, id=one.id, address=one.address, port=one.port, tags=list(one.tags), meta=dict(one.meta)
    )
    if one.node in (_NO_NODE, NAME):
        check = CheckWish(ttl=_BY_HAND_TTL, status=one.status)
        state.agent.register(index, msgspec.structs.replace(service, check=check))
        return
    check = CheckWish(check_id=f"service:{one.id}", service_id=one.id, status=one.status)
    register_anywhere(state.catalog, index, NodeWish(node=one.node, address=one.address, service=service, check=check))
