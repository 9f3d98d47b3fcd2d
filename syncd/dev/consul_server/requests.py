"""What clients send to agent, catalog and session endpoints, checked and typed. Pure.

Names of fields are read without regard to case and underscores, as Consul does; unknown fields are left out.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from syncd.dev.consul_server.durations import parse_s
from syncd.dev.consul_server.records import Refused

STATUSES = ("passing", "warning", "critical")
T = TypeVar("T")


def _folded(field: str) -> str:
    return field.replace("_", "")


class CheckWish(msgspec.Struct, frozen=True, rename=_folded):
    """A check as registered with the agent or the catalog."""

    check_id: str = ""
    id: str = ""
    name: str = ""
    status: str = ""
    notes: str = ""
    output: str = ""
    service_id: str = ""
    ttl: str = ""
    http: str = ""
    tcp: str = ""
    grpc: str = ""
    type: str = ""

    @property
    def kind(self) -> str:
        """Return what Consul shows as the check's type."""
        return next((kind for kind in ("ttl", "http", "tcp", "grpc") if getattr(self, kind)), self.type)


class ServiceWish(msgspec.Struct, frozen=True, rename=_folded):
    """A service instance as registered with the agent (`name`) or the catalog (`service`)."""

    name: str = ""
    service: str = ""
    id: str = ""
    address: str = ""
    port: int = 0
    tags: list[str] | None = None
    meta: dict[str, str] | None = None
    enable_tag_override: bool = False
    check: CheckWish | None = None
    checks: list[CheckWish] | None = None

    def all_checks(self) -> list[CheckWish]:
        """Return `check` and `checks` together."""
        return [*([self.check] if self.check else []), *(self.checks or [])]


class NodeWish(msgspec.Struct, frozen=True, rename=_folded):
    """The body of `/v1/catalog/register`."""

    node: str = ""
    address: str = ""
    id: str = ""
    tagged_addresses: dict[str, str] | None = None
    node_meta: dict[str, str] | None = None
    skip_node_update: bool = False
    service: ServiceWish | None = None
    check: CheckWish | None = None
    checks: list[CheckWish] | None = None


class Gone(msgspec.Struct, frozen=True, rename=_folded):
    """The body of `/v1/catalog/deregister`."""

    node: str = ""
    service_id: str = ""
    check_id: str = ""


class SessionWish(msgspec.Struct, frozen=True, rename=_folded):
    """The body of `/v1/session/create`."""

    name: str | None = None
    node: str | None = None
    ttl: str | None = None
    behavior: str | None = None
    lock_delay: str | int | float | None = None
    checks: list[str] | None = None
    node_checks: list[str] | None = None


class StatusWish(msgspec.Struct, frozen=True, rename=_folded):
    """The body of `/v1/agent/check/update/ID`."""

    status: str = ""
    output: str = ""


_KEEP = frozenset({"meta", "nodemeta", "taggedaddresses"})  # maps whose names are the user's own


def parse(body: bytes, kind: type[T]) -> T:
    """Return the body as `kind`; an empty body is an empty object.

    Raises:
        Refused: 400, not JSON or a field of another type.
    """
    try:
        return msgspec.convert(_fold(msgspec.json.decode(body or b"{}")), kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise Refused(400, f"Request decode failed: {fault}") from fault


def checked_status(status: str) -> str:
    """Return a status that a check can have. Raises Refused (400) for another."""
    if status not in STATUSES:
        raise Refused(400, f"Invalid check status: '{status}'")
    return status


def ttl_seconds(check: CheckWish) -> float | None:
    """Return the seconds after which a TTL check turns critical; None for other checks. Raises Refused (400)."""
    try:
        return parse_s(check.ttl) if check.ttl else None
    except ValueError as fault:
        raise Refused(400, f"Request decode failed: {fault}") from fault


def _fold(value: Any) -> Any:
    if isinstance(value, list):
        return [_fold(element) for element in value]
    if not isinstance(value, Mapping):
        return value
    folded = {str(name).replace("_", "").lower(): inner for name, inner in value.items()}
    return {name: inner if name in _KEEP else _fold(inner) for name, inner in folded.items()}
