"""`/v1/agent/` and `/v1/status/`."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from syncd import __version__
from syncd.dev.consul_server.agent import ADDRESS, DATACENTER, NAME
from syncd.dev.consul_server.catalog import service_view
from syncd.dev.consul_server.front import Call, Routes, answer
from syncd.dev.consul_server.requests import ServiceWish, StatusWish, parse

COMPATIBLE_WITH = "1.8.7"


async def register(call: Call) -> web.Response:
    """Register a service instance on the agent's node."""
    wish = parse(await call.body(), ServiceWish)
    with call.state.write() as index:
        call.state.agent.register(index, wish)
    return web.Response()


async def deregister(call: Call) -> web.Response:
    """Remove a service instance of the agent's node."""
    with call.state.write() as index:
        call.state.agent.deregister(index, call.rest)
    return web.Response()


def _report(status: str) -> Callable[[Call], Awaitable[web.Response]]:
    async def report(call: Call) -> web.Response:
        return _update(call, status, call.query.get("note", ""))

    return report


async def update(call: Call) -> web.Response:
    """Report on a TTL check, status and output in the body."""
    wish = parse(await call.body(), StatusWish)
    return _update(call, wish.status, wish.output)


def _update(call: Call, status: str, output: str) -> web.Response:
    with call.state.write() as index:
        call.state.agent.update(index, call.rest, status, output)
    return web.Response()


async def services(call: Call) -> web.Response:
    """Show the instances that were registered with the agent."""
    found, _ = call.state.catalog.on_node(NAME)
    return answer(call, {service.id: service_view(service) for service in found if service.id != "consul"})


async def checks(call: Call) -> web.Response:
    """Show the checks that were registered with the agent."""
    _, found = call.state.catalog.on_node(NAME)
    return answer(call, {check.check_id: check for check in found if check.service_id})


async def about(call: Call) -> web.Response:
    """Show who answers; `Meta` tells that it is not Consul itself."""
    config = {"Datacenter": DATACENTER, "NodeName": NAME, "Server": True, "Version": COMPATIBLE_WITH}
    member = {"Name": NAME, "Addr": ADDRESS, "Status": 1}
    return answer(call, {"Config": config, "Member": member, "Meta": {"syncd-dev": __version__}})


async def leader(call: Call) -> web.Response:
    """Show the address of the leader: this server."""
    return answer(call, _address(call))


async def peers(call: Call) -> web.Response:
    """Show the addresses of all servers: this one."""
    return answer(call, [_address(call)])


def _address(call: Call) -> str:
    return call.request.host


ROUTES: Routes = {
    "/v1/agent/service/register": {"PUT": register},
    "/v1/agent/service/deregister/": {"PUT": deregister},
    "/v1/agent/check/pass/": {"PUT": _report("passing")},
    "/v1/agent/check/warn/": {"PUT": _report("warning")},
    "/v1/agent/check/fail/": {"PUT": _report("critical")},
    "/v1/agent/check/update/": {"PUT": update},
    "/v1/agent/services": {"GET": services},
    "/v1/agent/checks": {"GET": checks},
    "/v1/agent/self": {"GET": about},
    "/v1/status/leader": {"GET": leader},
    "/v1/status/peers": {"GET": peers},
}
