"""The records that the Consul-compatible server keeps, with the field names and the order of Consul's JSON."""

from collections.abc import Mapping
from typing import Any

import msgspec

_UPPER = {"id": "ID", "ttl": "TTL"}


def _consul_name(field: str) -> str:
    return "".join(_UPPER.get(word, word.capitalize()) for word in field.split("_"))


class Record(msgspec.Struct, frozen=True, kw_only=True, rename=_consul_name):
    """What all records share: the indexes of the writes that made it and last changed it."""

    create_index: int = 0
    modify_index: int = 0


class Entry(msgspec.Struct, frozen=True, kw_only=True, rename=_consul_name, omit_defaults=True):
    """One key. `value` is None where it is empty: Consul writes null."""

    lock_index: int
    key: str
    flags: int
    value: bytes | None
    session: str = ""
    create_index: int
    modify_index: int


class Session(Record, frozen=True, kw_only=True):
    """One session; `lock_delay` in nanoseconds, `ttl` a duration or empty."""

    id: str
    name: str
    node: str
    lock_delay: int
    behavior: str
    ttl: str
    node_checks: tuple[str, ...] = ()
    service_checks: None = None


class Node(Record, frozen=True, kw_only=True):
    """One node of the catalog; `node` is its name."""

    id: str
    node: str
    address: str
    datacenter: str
    tagged_addresses: Mapping[str, str] | None
    meta: Mapping[str, str] | None


class Service(Record, frozen=True, kw_only=True):
    """One instance of a service; `service` is the service's name."""

    id: str
    service: str
    tags: tuple[str, ...]
    address: str
    tagged_addresses: Mapping[str, Mapping[str, Any]] | None
    meta: Mapping[str, str] | None
    port: int
    weights: Mapping[str, int]
    enable_tag_override: bool


class Check(Record, frozen=True, kw_only=True):
    """One check of a node, or of a service instance where `service_id` is set."""

    node: str
    check_id: str
    name: str
    status: str
    notes: str
    output: str
    service_id: str
    service_name: str
    service_tags: tuple[str, ...]
    type: str


class Refused(Exception):
    """A request that Consul answers with an error: status, and the text of the body."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
