"""`/v1/catalog/` and `/v1/health/`."""

from aiohttp import web

from syncd.dev.consul_server.agent import deregister_anywhere, register_anywhere
from syncd.dev.consul_server.catalog import catalog_view, health_view
from syncd.dev.consul_server.front import Call, Routes, answer, blocking
from syncd.dev.consul_server.records import Check, Node, Refused, Service
from syncd.dev.consul_server.requests import Gone, NodeWish, parse

_TRUE = ("", "1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")


async def services(call: Call) -> web.Response:
    """Show the names of all services, each with the tags of its instances."""
    catalog = call.state.catalog
    index, names = await blocking(call, catalog.names, catalog.concerns())
    return answer(call, names, index)


async def nodes(call: Call) -> web.Response:
    """Show all nodes."""
    catalog = call.state.catalog
    index, found = await blocking(call, catalog.nodes, catalog.concerns())
    return answer(call, found, index)


async def service(call: Call) -> web.Response:
    """Show the instances of a service, whatever their checks say."""
    index, found = await _instances(call, checks=False)
    return answer(call, [catalog_view(node, instance) for node, instance, _ in found], index)


async def health(call: Call) -> web.Response:
    """Show the instances of a service with their checks; `?passing` only those whose checks all pass."""
    only_passing = _flag(call, "passing")
    index, found = await _instances(call, checks=True)
    if only_passing:
        found = [one for one in found if all(check.status == "passing" for check in one[2])]
    return answer(call, [health_view(*one) for one in found], index)


async def _instances(call: Call, *, checks: bool) -> tuple[int, list[tuple[Node, Service, list[Check]]]]:
    if not call.rest:
        raise Refused(400, "Missing service name")
    catalog = call.state.catalog
    index, found = await blocking(call, lambda: catalog.instances(call.rest, checks), catalog.concerns())
    tags = {tag.lower() for tag in call.request.query.getall("tag", [])}
    return index, [one for one in found if tags <= {tag.lower() for tag in one[1].tags}]


async def register(call: Call) -> web.Response:
    """Write a node, a service and checks as they are given."""
    wish = parse(await call.body(), NodeWish)
    with call.state.write() as index:
        register_anywhere(call.state.catalog, index, wish)
    return answer(call, True)


async def deregister(call: Call) -> web.Response:
    """Remove a service, a check or a node."""
    gone = parse(await call.body(), Gone)
    with call.state.write() as index:
        deregister_anywhere(call.state.catalog, index, gone)
    return answer(call, True)


def _flag(call: Call, name: str) -> bool:
    value = call.query.get(name)
    if value is not None and value not in _TRUE + _FALSE:
        raise Refused(400, f"Invalid value for ?{name}")
    return value in _TRUE


ROUTES: Routes = {
    "/v1/catalog/services": {"GET": services},
    "/v1/catalog/nodes": {"GET": nodes},
    "/v1/catalog/service/": {"GET": service},
    "/v1/health/service/": {"GET": health},
    "/v1/catalog/register": {"PUT": register},
    "/v1/catalog/deregister": {"PUT": deregister},
}
