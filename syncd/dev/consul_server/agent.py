"""The one agent: services and checks that are registered with it, and TTL checks that run out. Time is handed in."""

import uuid
from collections.abc import Callable

import msgspec

from syncd.dev.consul_server.catalog import Catalog
from syncd.dev.consul_server.records import Check, Node, Refused, Service
from syncd.dev.consul_server.requests import (
    STATUSES,
    CheckWish,
    Gone,
    NodeWish,
    ServiceWish,
    checked_status,
    ttl_seconds,
)
from syncd.dev.consul_server.sessions import NODE_CHECK
from syncd.dev.tables import Tables

NAME = "syncd-dev"
ADDRESS = "127.0.0.1"
DATACENTER = "dc1"
_ID = str(uuid.uuid5(uuid.NAMESPACE_DNS, NAME))


class Agent:
    """Registers with the catalog what is registered with the agent, on the agent's own node.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, tables: Tables, catalog: Catalog, clock: Callable[[], float]) -> None:
        self._catalog = catalog
        self._clock = clock
        self._ttls = tables.make("ttls", float)
        self._deadlines: dict[str, float] = {}

    def start(self, index: int) -> None:
        """Put the node itself into the catalog, and give every TTL check its full time."""
        addresses = {"lan": ADDRESS, "wan": ADDRESS}
        node = Node(id=_ID, node=NAME, address=ADDRESS, datacenter=DATACENTER, tagged_addresses=addresses, meta={})
        self._catalog.put_node(index, node)
        alive = CheckWish(name="Serf Health Status", status="passing", output="Agent alive and reachable")
        self._catalog.put_check(index, _check(NAME, NODE_CHECK, alive))
        self._catalog.put_service(index, NAME, _service(ServiceWish(name="consul")))
        for check_id, ttl_s in self._ttls.under():
            self._deadlines[check_id] = self._clock() + ttl_s

    def register(self, index: int, wish: ServiceWish) -> None:
        """Register an instance on this node. A check that is there already keeps its status and output.

        Checks of other kinds than TTL are never run: they are passing unless the request gives their status.

        Raises:
            Refused: 400, no name, a bad status or TTL.
        """
        if not wish.name:
            raise Refused(400, "Missing service name")
        service = _service(wish)
        self._catalog.put_service(index, NAME, service)
        checks = wish.all_checks()
        for number, check in enumerate(checks, 1):
            plain = f"service:{service.id}" + (f":{number}" if len(checks) > 1 else "")
            self._add_check(index, service, check, check.check_id or check.id or plain)

    def _add_check(self, index: int, service: Service, wish: CheckWish, check_id: str) -> None:
        if wish.status and wish.status not in STATUSES:
            raise Refused(400, "Status for checks must 'passing', 'warning', 'critical'")
        ttl_s = ttl_seconds(wish)
        known = self._catalog.check(NAME, check_id)
        status = wish.status or ("critical" if ttl_s else "passing")
        wish = msgspec.structs.replace(
            wish,
            name=wish.name or f"Service '{service.service}' check",
            status=known.status if known else status,
            output=known.output if known else wish.output,
            service_id=service.id,
        )
        self._catalog.put_check(index, _check(NAME, check_id, wish))
        if ttl_s:
            self._ttls.put(check_id, ttl_s)
            self._deadlines[check_id] = self._clock() + ttl_s

    def deregister(self, index: int, service_id: str) -> None:
        """Remove an instance of this node with its checks, if it is there."""
        if not service_id:
            raise Refused(500, "ServiceID missing")
        for check in self._catalog.on_node(NAME)[1]:
            if check.service_id == service_id:
                self._forget(check.check_id)
        self._catalog.drop_service(index, NAME, service_id)

    def update(self, index: int, check_id: str, status: str, output: str) -> None:
        """Give a TTL check a status and its full time. Output alone is no change, as in Consul (for 5 minutes there).

        Raises:
            Refused: 500, not a TTL check of this agent; 400, no such status.
        """
        ttl_s = self._ttls.get(check_id)
        check = self._catalog.check(NAME, check_id)
        if ttl_s is None or check is None:
            raise Refused(500, f'CheckID "{check_id}" does not have associated TTL')
        self._deadlines[check_id] = self._clock() + ttl_s
        if check.status != checked_status(status):
            self._catalog.put_check(index, msgspec.structs.replace(check, status=status, output=output))

    def expired(self) -> list[str]:
        """Return the TTL checks whose time is over."""
        now = self._clock()
        return [check_id for check_id, deadline in self._deadlines.items() if deadline <= now]

    def expire(self, index: int, check_id: str) -> None:
        """Turn a TTL check critical because nobody reported."""
        check = self._catalog.check(NAME, check_id)
        if check and check.status != "critical":
            self._catalog.put_check(index, msgspec.structs.replace(check, status="critical", output="TTL expired"))
        self._deadlines.pop(check_id, None)

    def next_deadline(self) -> float | None:
        """Return when the next TTL check runs out, in seconds of the clock."""
        return min(self._deadlines.values(), default=None)

    def _forget(self, check_id: str) -> None:
        self._ttls.drop(check_id)
        self._deadlines.pop(check_id, None)


def register_anywhere(catalog: Catalog, index: int, wish: NodeWish) -> None:
    """Carry out `/v1/catalog/register`: node, service and checks as they are given, on any node.

    Raises:
        Refused: 500, no node or address; a check of a service that is not there.
    """
    if not wish.node:
        raise Refused(500, "Must provide node")
    if not wish.skip_node_update:
        if not wish.address:
            raise Refused(500, "Must provide address if SkipNodeUpdate is not set")
        catalog.put_node(index, _node(wish))
    elif catalog.node(wish.node) is None:
        raise Refused(500, f'Missing node registration for "{wish.node}"')
    if wish.service:
        catalog.put_service(index, wish.node, _service(wish.service))
    for check in [*([wish.check] if wish.check else []), *(wish.checks or [])]:
        catalog.put_check(index, _check(wish.node, check.check_id or check.name, check))


def deregister_anywhere(catalog: Catalog, index: int, gone: Gone) -> None:
    """Carry out `/v1/catalog/deregister`: a service, a check, or the whole node.

    Raises:
        Refused: 500, no node.
    """
    if not gone.node:
        raise Refused(500, "Must provide node")
    if gone.service_id:
        catalog.drop_service(index, gone.node, gone.service_id)
    elif gone.check_id:
        catalog.drop_check(index, gone.node, gone.check_id)
    else:
        catalog.drop_node(index, gone.node)


def _node(wish: NodeWish) -> Node:
    return Node(
        id=wish.id,
        node=wish.node,
        address=wish.address,
        datacenter=DATACENTER,
        tagged_addresses=wish.tagged_addresses,
        meta=wish.node_meta,
    )


def _service(wish: ServiceWish) -> Service:
    name = wish.name or wish.service
    here = {"Address": wish.address, "Port": wish.port}
    return Service(
        id=wish.id or name,
        service=name,
        tags=tuple(wish.tags or ()),
        address=wish.address,
        tagged_addresses={"lan_ipv4": here, "wan_ipv4": here} if wish.address else None,
        meta=wish.meta or None,
        port=wish.port,
        weights={"Passing": 1, "Warning": 1},
        enable_tag_override=wish.enable_tag_override,
    )


def _check(node: str, check_id: str, wish: CheckWish) -> Check:
    return Check(
        node=node,
        check_id=check_id,
        name=wish.name or check_id,
        status=wish.status or "critical",
        notes=wish.notes,
        output=wish.output,
        service_id=wish.service_id,
        service_name="",
        service_tags=(),
        type=wish.kind,
    )
