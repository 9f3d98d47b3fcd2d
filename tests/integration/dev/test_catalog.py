"""Services: agent, catalog, health and their indexes, on both servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.dev.test_index import sleeps_on, until_woken
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from tests.integration.dev.conftest import Consul


@pytest.fixture(autouse=True)
def leave_nothing(consul: Consul) -> Iterator[None]:
    """Remove what the test registered: its names all start with the test's own."""
    yield
    for service_id in consul.api("GET", "agent/services").json():
        if service_id.startswith(consul.name):
            consul.api("PUT", f"agent/service/deregister/{service_id}")
    consul.api("PUT", "catalog/deregister", {"Node": consul.name})


def register(consul: Consul, number: int = 1, **more: Any) -> str:
    """Register an instance with the agent, and wait until the catalog has it; return its id."""
    made = f"{consul.name}-{number}"
    consul.api("PUT", "agent/service/register", {"Name": consul.name, "ID": made, **more})
    wait_until(lambda: made in {found["Service"]["ID"] for found in health(consul)})
    return made


def health(consul: Consul, query: str = "") -> list[dict[str, Any]]:
    """Return the instances of the test's service."""
    return list(consul.api("GET", f"health/service/{consul.name}?{query}").json())


def statuses(consul: Consul) -> list[str]:
    """Return the statuses of the checks of all instances, without those of the node."""
    return [check["Status"] for found in health(consul) for check in found["Checks"] if check["ServiceID"]]


def report(consul: Consul, verb: str, check_id: str) -> None:
    """Report pass, warn or fail."""
    consul.api("PUT", f"agent/check/{verb}/{check_id}")


def test_an_instance_is_shown(consul: Consul) -> None:
    """In health with node and checks, in the catalog, in the list of names, by the agent."""
    made = register(consul, Port=80, Address="10.0.0.1", Tags=["a", "b"], Meta={"K": "v"}, Check={"TTL": "10m"})
    [found] = health(consul)
    service = found["Service"]
    assert (service["Service"], service["Address"], service["Port"]) == (consul.name, "10.0.0.1", 80)
    assert (service["Tags"], service["Meta"]) == (["a", "b"], {"K": "v"})
    assert service["TaggedAddresses"]["lan_ipv4"] == {"Address": "10.0.0.1", "Port": 80}
    assert [(check["CheckID"], check["Status"]) for check in found["Checks"]] == [
        ("serfHealth", "passing"),
        (f"service:{made}", "critical"),
    ]
    assert found["Checks"][1].items() >= {"ServiceName": consul.name, "ServiceTags": ["a", "b"], "Type": "ttl"}.items()
    [listed] = consul.api("GET", f"catalog/service/{consul.name}").json()
    assert listed["Node"] == found["Node"]["Node"]
    assert (listed["ServiceID"], listed["ServicePort"], listed["ServiceTags"]) == (made, 80, ["a", "b"])
    assert (listed["Address"], listed["ServiceAddress"]) == (found["Node"]["Address"], "10.0.0.1")
    names = consul.api("GET", "catalog/services").json()
    assert (sorted(names[consul.name]), names["consul"]) == (["a", "b"], [])
    assert consul.api("GET", "agent/services").json()[made]["Port"] == 80
    assert consul.api("GET", "agent/checks").json()[f"service:{made}"]["Status"] == "critical"


def test_names_of_fields_may_be_lower_case(consul: Consul) -> None:
    """As python-consul writes them; without an address there is none."""
    body = {"name": consul.name, "id": f"{consul.name}-1", "port": 5, "tags": ["q"], "check": {"ttl": "10s"}}
    consul.api("PUT", "agent/service/register", body)
    [found] = wait_until(lambda: health(consul))
    assert (found["Service"]["Port"], found["Service"]["Address"]) == (5, "")
    assert "TaggedAddresses" not in found["Service"]
    assert found["Service"]["Meta"] is None


def test_unknown_means_nothing_with_an_index(consul: Consul) -> None:
    """200, an empty list, an index."""
    for path in ("health/service/", "catalog/service/"):
        answer = consul.api("GET", path + consul.name)
        assert answer.json() == []
        assert int(answer.headers["x-consul-index"]) >= 1


def test_passing_and_tag(consul: Consul) -> None:
    """?passing leaves out warning and critical; ?tag must all be there."""
    one = register(consul, 1, Tags=["a", "b"], Check={"TTL": "10m", "Status": "passing"})
    register(consul, 2, Tags=["a"], Check={"TTL": "10m", "Status": "warning"})
    register(consul, 3, Tags=["a"], Checks=[{"TTL": "10m", "Status": "passing"}, {"TTL": "10m"}])

    def ids(query: str) -> list[str]:
        return [found["Service"]["ID"] for found in health(consul, query)]

    assert ids("passing") == ids("passing=1") == ids("tag=a&tag=b") == [one]
    assert len(ids("passing=false")) == len(ids("tag=a")) == 3
    assert [found["ServiceID"] for found in consul.api("GET", f"catalog/service/{consul.name}?tag=b").json()] == [one]
    assert consul.refused("GET", f"health/service/{consul.name}?passing=x")[0] == 400


def test_reports_change_the_status(consul: Consul) -> None:
    """pass, warn, fail, update."""
    made = register(consul, Check={"TTL": "10m"})
    check = f"service:{made}"
    for verb, status in (("pass", "passing"), ("warn", "warning"), ("fail", "critical")):
        report(consul, verb, check)
        wait_until(lambda status=status: statuses(consul) == [status])
    consul.api("PUT", f"agent/check/update/{check}", {"Status": "passing", "Output": "fine"})
    wait_until(lambda: statuses(consul) == ["passing"])
    [found] = health(consul)
    assert found["Checks"][1]["Output"] == "fine"
    assert consul.refused("PUT", f"agent/check/update/{check}", {"Status": "odd"})[0] == 400
    assert consul.refused("PUT", "agent/check/pass/none")[0] == 500


def test_several_checks_are_numbered(consul: Consul) -> None:
    """One that has an id keeps it."""
    own = f"{consul.name}-own"
    made = register(consul, Checks=[{"TTL": "10m"}, {"CheckID": own, "Name": "named", "TTL": "10m"}])
    [found] = health(consul)
    names = {check["CheckID"]: check["Name"] for check in found["Checks"] if check["ServiceID"]}
    assert names == {own: "named", f"service:{made}:1": f"Service '{consul.name}' check"}


def test_a_ttl_runs_out(consul: Consul) -> None:
    """A check that nobody reports turns critical by itself."""
    register(consul, Check={"TTL": "300ms", "Status": "passing"})
    wait_until(lambda: statuses(consul) == ["critical"])
    assert health(consul)[0]["Checks"][1]["Output"] == "TTL expired"


def test_registering_again_keeps_the_status(consul: Consul) -> None:
    """And nothing wakes."""
    register(consul, Check={"TTL": "10m"})
    report(consul, "pass", f"service:{consul.name}-1")
    wait_until(lambda: statuses(consul) == ["passing"])
    path = f"health/service/{consul.name}"
    assert sleeps_on(consul, path, lambda: register(consul, Check={"TTL": "10m"}))
    assert statuses(consul) == ["passing"]


def test_what_wakes_a_service(consul: Consul) -> None:
    """A status, a second instance, its end."""
    made = register(consul, Check={"TTL": "10m"})
    path = f"health/service/{consul.name}?passing"
    answer, moved = until_woken(consul, path, lambda: report(consul, "pass", f"service:{made}"))
    assert (len(answer.json()), moved) == (1, True)
    answer, _ = until_woken(consul, path, lambda: register(consul, 2))
    assert len(answer.json()) == 2
    answer, _ = until_woken(consul, path, lambda: consul.api("PUT", f"agent/service/deregister/{made}"))
    assert [found["Service"]["ID"] for found in answer.json()] == [f"{consul.name}-2"]
    answer, _ = until_woken(consul, path, lambda: consul.api("PUT", f"agent/service/deregister/{consul.name}-2"))
    assert answer.json() == []
    answer, _ = until_woken(consul, path, lambda: register(consul, 3))
    assert len(answer.json()) == 1


def test_what_does_not_wake_a_service(consul: Consul) -> None:
    """The same status again, other services, keys; and the list of names sleeps through statuses."""
    made = register(consul, Check={"TTL": "10m", "Status": "passing"})
    other = {"Name": f"{consul.name}-other"}
    for act in (
        lambda: report(consul, "pass", f"service:{made}?note=another"),
        lambda: consul.api("PUT", "agent/service/register", other),
        lambda: consul.put("a", b"1"),
    ):
        assert sleeps_on(consul, f"health/service/{consul.name}", act)
    assert sleeps_on(consul, "catalog/services", lambda: report(consul, "fail", f"service:{made}"))


def test_a_service_that_left_sleeps(consul: Consul) -> None:
    """Others that come do not wake who waits for it."""
    made = register(consul)
    consul.api("PUT", f"agent/service/deregister/{made}")
    wait_until(lambda: not health(consul))
    other = {"Name": f"{consul.name}-other"}
    path = f"health/service/{consul.name}"
    assert sleeps_on(consul, path, lambda: consul.api("PUT", "agent/service/register", other))


def test_names_wake_on_a_new_service(consul: Consul) -> None:
    """The list of names."""
    answer, moved = until_woken(consul, "catalog/services", lambda: register(consul))
    assert moved
    assert consul.name in answer.json()


def test_wrong_registrations(consul: Consul) -> None:
    """Each is refused with Consul's status."""
    for body in ({"ID": "x"}, {"Name": "x", "Port": "x"}, {"Name": "x", "Check": {"TTL": "x"}}, b"zz"):
        assert consul.refused("PUT", "agent/service/register", body)[0] == 400
    bad_status = {"Name": "x", "Check": {"TTL": "1s", "Status": "odd"}}
    assert consul.refused("PUT", "agent/service/register", bad_status)[0] == 400
    assert consul.refused("PUT", "agent/service/deregister/")[0] == 500
    assert consul.refused("GET", "health/service/")[0] == 400


def external(consul: Consul, **more: Any) -> None:
    """Register with the catalog, on a node of the test's own."""
    consul.api("PUT", "catalog/register", {"Node": consul.name, "Address": "10.1.1.1", **more})


def test_an_external_node(consul: Consul) -> None:
    """Service and checks as given; the node's check comes first; an identical registration changes no index."""
    service = {"Service": consul.name, "ID": "db1", "Port": 5, "Tags": ["t"]}
    check = {"Name": "ck", "CheckID": "ck1", "ServiceID": "db1", "Status": "passing"}
    external(consul, Service=service, Check=check)
    external(consul, Checks=[{"Node": consul.name, "Name": "node", "CheckID": "nodeck", "Status": "warning"}])
    [found] = health(consul)
    assert found["Node"].items() >= {"Node": consul.name, "Address": "10.1.1.1"}.items()
    assert found["Service"].items() >= {"ID": "db1", "Port": 5, "Tags": ["t"]}.items()
    assert [(c["CheckID"], c["Status"]) for c in found["Checks"]] == [("nodeck", "warning"), ("ck1", "passing")]
    assert consul.name in [node["Node"] for node in consul.api("GET", "catalog/nodes").json()]
    path = f"health/service/{consul.name}"
    assert sleeps_on(consul, path, lambda: external(consul, Service=service, Check=check))
    answer, _ = until_woken(consul, path, lambda: external(consul, Check={**check, "Status": "critical"}))
    assert [c["Status"] for c in answer.json()[0]["Checks"]] == ["warning", "critical"]


def test_leaving_the_catalog(consul: Consul) -> None:
    """A check, a service, the node; what is not there is no error."""
    service = {"Service": consul.name, "ID": "db1"}
    external(consul, Service=service, Check={"CheckID": "ck1", "Name": "ck", "ServiceID": "db1", "Status": "passing"})
    consul.api("PUT", "catalog/deregister", {"Node": consul.name, "CheckID": "ck1"})
    assert health(consul)[0]["Checks"] == []
    consul.api("PUT", "catalog/deregister", {"Node": consul.name, "ServiceID": "db1"})
    assert health(consul) == []
    external(consul, Service=service)
    for _ in range(2):
        consul.api("PUT", "catalog/deregister", {"Node": consul.name})
    assert health(consul) == []
    assert consul.name not in [node["Node"] for node in consul.api("GET", "catalog/nodes").json()]


def test_wrong_catalog_requests(consul: Consul) -> None:
    """No node, no address, a check of a service that is not there."""
    assert consul.refused("PUT", "catalog/register", {"Node": consul.name})[0] == 500
    assert consul.refused("PUT", "catalog/register", {"Address": "10.1.1.1"})[0] == 500
    orphan = {"Node": consul.name, "Address": "10.1.1.1", "Check": {"Name": "x", "CheckID": "x", "ServiceID": "none"}}
    assert consul.refused("PUT", "catalog/register", orphan)[0] == 500
    assert consul.refused("PUT", "catalog/deregister", {})[0] == 500
