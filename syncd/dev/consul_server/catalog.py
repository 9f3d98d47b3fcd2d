"""The catalog: nodes, instances of services, checks, and the index of each service. Pure."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from syncd.dev.consul_server.records import Check, Node, Record, Refused, Service
from syncd.dev.tables import Change, Table, Tables
from syncd.dev.waiters import Concerns

R = TypeVar("R", bound=Record)
SEPARATOR = "\x1f"  # between a node's name and an id in the keys of the tables; no name holds it
_TABLES = frozenset({"nodes", "services", "checks"})


class Catalog:
    """All nodes with their services and checks, and the indexes that queries for them wait on.

    As in Consul a service has an index of its own: its instances, their checks and the checks of their nodes raise it.
    A service that is unknown has the index of the last service that lost its last instance, else that of the catalog.
    """

    def __init__(self, tables: Tables, indexes: Table[int]) -> None:
        self._nodes = tables.make("nodes", Node)
        self._services = tables.make("services", Service)
        self._checks = tables.make("checks", Check)
        self._indexes = indexes

    # --- reads ---

    def node(self, name: str) -> Node | None:
        """Return one node."""
        return self._nodes.get(name)

    def instance(self, node: str, service_id: str) -> Service | None:
        """Return one instance of a service."""
        return self._services.get(node + SEPARATOR + service_id)

    def check(self, node: str, check_id: str) -> Check | None:
        """Return one check."""
        return self._checks.get(node + SEPARATOR + check_id)

    def nodes(self) -> tuple[int, list[Node]]:
        """Return all nodes, and the index of their table."""
        return self._index("nodes"), [node for _, node in self._nodes.under()]

    def names(self) -> tuple[int, dict[str, list[str]]]:
        """Return service -> tags of its instances. The index is that of the services' table: checks do not move it."""
        tags: dict[str, dict[str, None]] = {}
        for _, service in self._services.under():
            tags.setdefault(service.service, {}).update(dict.fromkeys(service.tags))
        return self._index("services"), {name: list(found) for name, found in sorted(tags.items())}

    def instances(self, name: str, checks: bool = True) -> tuple[int, list[tuple[Node, Service, list[Check]]]]:
        """Return a service's instances with their checks, the node's first; `checks`: these move the index too."""
        found = []
        for key, service in self._services.under():
            node_name, _, service_id = key.partition(SEPARATOR)
            node = self._nodes.get(node_name)
            if service.service == name and node:
                found.append((node, service, self._checks_of(node_name, "", service_id)))
        return self._service_index(name, bool(found), checks), found

    def on_node(self, node: str) -> tuple[list[Service], list[Check]]:
        """Return what one node holds: its services, and all its checks."""
        prefix = node + SEPARATOR
        return [s for _, s in self._services.under(prefix)], [c for _, c in self._checks.under(prefix)]

    @staticmethod
    def concerns() -> Concerns:
        """Return which changes may answer a query that waits for anything in the catalog."""

        def concerns(change: Change) -> bool:
            return change.table in _TABLES

        return concerns

    def _checks_of(self, node: str, *service_ids: str) -> list[Check]:
        checks = [check for _, check in self._checks.under(node + SEPARATOR)]
        return [check for wanted in service_ids for check in checks if check.service_id == wanted]

    def _index(self, *names: str) -> int:
        return max(self._indexes.get(name) or 0 for name in names)

    def _service_index(self, name: str, known: bool, checks: bool) -> int:
        own = f"service.{name}" if known else "extinction"
        return self._index(own) or self._index("nodes", "services", *(["checks"] if checks else []))

    # --- writes ---

    def put_node(self, index: int, node: Node) -> None:
        """Write a node; an identical one changes nothing."""
        if self._put(index, self._nodes, node.node, node):
            self._indexes.put("nodes", index)
            self._touch_services_of(index, node.node)

    def put_service(self, index: int, node: str, service: Service) -> None:
        """Write an instance; an identical one changes nothing. One that changed its name leaves the old service."""
        old = self.instance(node, service.id)
        if old and old.service != service.service:
            self.drop_service(index, node, service.id)
        if self._put(index, self._services, node + SEPARATOR + service.id, service):
            self._indexes.put("services", index)
            self._indexes.put(f"service.{service.service}", index)

    def put_check(self, index: int, check: Check) -> None:
        """Write a check; an identical one changes nothing. Raises Refused (500) for an unknown service instance."""
        if check.service_id:
            service = self.instance(check.node, check.service_id)
            if service is None:
                why = f'failed inserting check: Missing service registration on node "{check.node}"'
                raise Refused(500, why)
            check = msgspec.structs.replace(check, service_name=service.service, service_tags=service.tags)
        if self._put(index, self._checks, check.node + SEPARATOR + check.check_id, check):
            self._indexes.put("checks", index)
            self._touch(index, check)

    def drop_node(self, index: int, name: str) -> None:
        """Remove a node with all that it holds."""
        if name not in self._nodes:
            return
        services, checks = self.on_node(name)
        for service in services:
            self.drop_service(index, name, service.id)
        for check in checks:
            self.drop_check(index, name, check.check_id)
        self._nodes.drop(name)
        self._indexes.put("nodes", index)

    def drop_service(self, index: int, node: str, service_id: str) -> None:
        """Remove an instance with its checks, if it is there."""
        service = self.instance(node, service_id)
        if service is None:
            return
        for check in self._checks_of(node, service_id):
            self.drop_check(index, node, check.check_id)
        self._services.drop(node + SEPARATOR + service_id)
        self._indexes.put("services", index)
        if self.names()[1].get(service.service) is not None:
            self._indexes.put(f"service.{service.service}", index)
        else:
            self._indexes.drop(f"service.{service.service}")
            self._indexes.put("extinction", index)

    def drop_check(self, index: int, node: str, check_id: str) -> None:
        """Remove a check, if it is there."""
        check = self.check(node, check_id)
        if check:
            self._checks.drop(node + SEPARATOR + check_id)
            self._indexes.put("checks", index)
            self._touch(index, check)

    @staticmethod
    def _put(index: int, table: Table[R], key: str, row: R) -> bool:
        """Write a row with its indexes, and return True; False where it is what is there already."""
        old = table.get(key)
        if old:
            row = msgspec.structs.replace(row, create_index=old.create_index, modify_index=old.modify_index)
            if row == old:
                return False
        table.put(key, msgspec.structs.replace(row, create_index=row.create_index or index, modify_index=index))
        return True

    def _touch(self, index: int, check: Check) -> None:
        if check.service_id:
            self._indexes.put(f"service.{check.service_name}", index)
        else:
            self._touch_services_of(index, check.node)

    def _touch_services_of(self, index: int, node: str) -> None:
        for service in self.on_node(node)[0]:
            self._indexes.put(f"service.{service.service}", index)


def health_view(node: Node, service: Service, checks: Sequence[Check]) -> dict[str, Any]:
    """Return one element of `/v1/health/service/NAME`."""
    return {"Node": node, "Service": _without_empty_addresses(service), "Checks": checks}


def catalog_view(node: Node, service: Service) -> dict[str, Any]:
    """Return one element of `/v1/catalog/service/NAME`."""
    fields = _without_empty_addresses(service)
    node_fields = msgspec.to_builtins(node)
    named = {name: node_fields[name] for name in ("ID", "Node", "Address", "Datacenter", "TaggedAddresses")}
    indexes = {name: fields.pop(name) for name in ("CreateIndex", "ModifyIndex")}
    named |= {"NodeMeta": node.meta, "ServiceName": fields.pop("Service"), "ServiceKind": ""}
    fields["Meta"] = fields["Meta"] or {}
    return named | {f"Service{name}": value for name, value in fields.items()} | indexes


def service_view(service: Service) -> dict[str, Any]:
    """Return one element of `/v1/agent/services`."""
    fields = _without_empty_addresses(service)
    fields["Meta"] = fields["Meta"] or {}
    return {name: value for name, value in fields.items() if name not in ("CreateIndex", "ModifyIndex")}


def _without_empty_addresses(service: Service) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(service)
    if not service.tagged_addresses:
        del fields["TaggedAddresses"]
    return fields
