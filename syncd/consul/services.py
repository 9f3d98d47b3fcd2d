"""Services from the catalog and its checks: every instance in any state, so that down and unknown differ."""

from collections.abc import Mapping

import msgspec

from syncd.core.model import Instance

_SEVERITY = {"passing": 0, "warning": 1}


class _Node(msgspec.Struct, rename="pascal"):
    node: str
    address: str


class _Service(msgspec.Struct):
    id: str = msgspec.field(name="ID")
    service: str = msgspec.field(name="Service")
    port: int = msgspec.field(name="Port")
    address: str = msgspec.field(name="Address", default="")
    tags: list[str] | None = msgspec.field(name="Tags", default=None)
    meta: dict[str, str] | None = msgspec.field(name="Meta", default=None)


class _Check(msgspec.Struct, rename="pascal"):
    status: str


class _Health(msgspec.Struct, rename="pascal"):
    node: _Node
    service: _Service
    checks: list[_Check] | None


health_decoder = msgspec.json.Decoder(list[_Health])
catalog_decoder = msgspec.json.Decoder(dict[str, list[str] | None])


def instances(entries: list[_Health]) -> tuple[Instance, ...]:
    """Return the instances of a `health/service` answer, sorted by id, then node."""
    found = [
        Instance(
            id=entry.service.id,
            name=entry.service.service,
            address=entry.service.address or entry.node.address,
            port=entry.service.port,
            tags=tuple(entry.service.tags or ()),
            meta=entry.service.meta or {},
            status=_worst([check.status for check in entry.checks or ()]),
            node=entry.node.node,
        )
        for entry in entries
    ]
    return tuple(sorted(found, key=lambda one: (one.id, one.node)))


def catalog(answer: Mapping[str, list[str] | None]) -> dict[str, tuple[str, ...]]:
    """Return every service's sorted tags, in name order."""
    return {name: tuple(sorted(tags or ())) for name, tags in sorted(answer.items())}


def _worst(statuses: list[str]) -> str:
    """Return the worst status of the node's and the service's checks; what Consul calls otherwise is critical."""
    ranks = [_SEVERITY.get(status, 2) for status in statuses]
    return ("passing", "warning", "critical")[max(ranks, default=0)]
