"""Rights that go and come back, on a real Consul with ACLs: what may not be seen is not gone.

A proxy counts what Consul really answered. Beside the daemon runs one without the vanish guard, which loses entries.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.faults.source.kit import AREA, NO_ANSWER, Place, endure
from tests.faults.support.proxy import FaultProxy, Real
from tests.faults.support.report import record
from tests.support import binaries
from tests.support.consul import ConsulOptions, ConsulServer
from tests.support.kv_server import KVServer
from tests.support.processes import wait_until

ALL = 'key_prefix "" { policy = "read" } service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }'


@dataclass
class Guarded:
    """A Consul with ACLs behind a proxy, a policy that the places' token has, and the places."""

    server: ConsulServer
    proxy: FaultProxy
    policy: str
    token: str
    places: dict[str, Place]

    def allow(self, rules: str) -> None:
        """Change what the token may do."""
        body = {"Name": f"p-{self.policy}", "Rules": rules}
        answer = self.server.http("PUT", f"/v1/acl/policy/{self.policy}", body)
        assert answer.status == 200, answer.text

    def deny(self, *paths: str) -> None:
        """Deny some paths of both places; one that ends in `/` is a prefix."""
        rules = [ALL]
        for place in self.places.values():
            for path in paths:
                kind = "key_prefix" if path.endswith("/") or not path else "key"
                rules.append(f'{kind} "{place.prefix}{path}" {{ policy = "deny" }}')
        self.allow(" ".join(rules))

    def answered(self, since: int, fits: Callable[[Real], bool], *below: str) -> int:
        """Return how many of Consul's answers about the shipped place fit, since so many were passed on."""
        prefix = "/v1/kv/" + self.places["shipped"].prefix
        answers = self.proxy.passed[since:]
        return sum(
            1
            for request, real in answers
            if any(request.path.startswith(prefix + folder) for folder in below) and fits(real)
        )


@pytest.fixture(scope="module")
def guarded(workers_kv: KVServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Three daemons with one token, two of them without a protection; all in sync."""
    server = ConsulServer(binaries.consul_bin(), ConsulOptions(acl=True)).start()
    proxy = FaultProxy(server.url)
    name = f"p-{uuid.uuid4().hex[:6]}"
    policy = server.http("PUT", "/v1/acl/policy", {"Name": name, "Rules": ALL}).json()["ID"]
    token = server.http("PUT", "/v1/acl/token", {"Policies": [{"ID": policy}]}).json()["SecretID"]
    base = tmp_path_factory.mktemp("rights")
    others = {"shipped": "", "unguarded": "no_guard", "credulous": "credulous"}
    places = {who: Place(base / who, server, workers_kv.fresh(), proxy.url, token) for who in others}
    try:
        for who, without in others.items():
            places[who].start(without=without, ready=False)
        for place in places.values():
            place.daemon.wait_ready()
        yield Guarded(server, proxy, policy, token, places)
    finally:
        for place in places.values():
            place.close()
        proxy.close()
        server.close()


def fewer(real: Real) -> bool:
    """Return True for a list of pairs with an index and without the one that is hidden."""
    return real.status == 200 and real.body.count(b'"Key"') == 2


def empty(real: Real) -> bool:
    """Return True for a 404 with a good index."""
    return real.status == 404 and real.header("X-Consul-Index").isdigit()


@pytest.mark.parametrize(
    ("fault", "deny", "fits", "held", "words"),
    [
        pytest.param(
            "all rights lost (404 with a good index)",
            [""],
            empty,
            {"edge", "app-env"},
            "hides every needed key from the token",
            id="all",
        ),
        pytest.param(
            "rights on one key lost (200 with fewer keys)",
            ["config/domains/web"],
            fewer,
            {"edge"},
            "'config/domains/web' vanished from the source, but the token may not read it any more",
            id="one key",
            marks=pytest.mark.e2e,
        ),
        pytest.param(
            "rights on one folder lost (404 with a good index)",
            ["config/domains/"],
            empty,
            {"edge"},
            "vanished from the source, but the token may not read it any more",
            id="one folder",
            marks=pytest.mark.e2e,
        ),
    ],
)
def test_lost_rights_delete_nothing(
    guarded: Guarded, fault: str, deny: list[str], fits: Callable[[Real], bool], held: set[str], words: str
) -> None:
    """The targets that they concern are held and say why; the others go on; rights that come back heal it."""
    place, daemon = guarded.places["shipped"], guarded.places["shipped"].daemon
    other = guarded.places["unguarded"]
    other.kv.reset()
    wait_until(lambda: other.daemon.ready() and not other.harmed(), 20)
    since = len(guarded.proxy.passed)

    def delivered() -> int:
        return guarded.answered(since, fits, "config/domains/", "config/features/")

    def says() -> bool:
        states, text = daemon.states(), daemon.readyz()[1]
        metrics = all(daemon.metric(f'syncd_target_state{{state="held",target="{name}"}}') == 1.0 for name in held)
        return {name for name, state in states.items() if state == "held"} == held and words in text and metrics

    def the_other_is_harmed() -> None:
        wait_until(other.harmed, 20)

    recover_s = endure(
        place,
        lambda: guarded.deny(*deny),
        lambda: guarded.allow(ALL),
        happened=lambda: delivered() >= 1,
        says=says,
        meanwhile=the_other_is_harmed,
    )
    assert any(words in str(event) for event in daemon.events())
    record(
        fault,
        area=AREA,
        injected="the token's policy changed in a real Consul",
        times=delivered(),
        recover_s=recover_s,
        red_without="the vanish guard",
    )


def test_an_expired_token(guarded: Guarded) -> None:
    """A token that Consul does not know any more holds everything, in words that name the token; not its value."""
    place, daemon = guarded.places["shipped"], guarded.places["shipped"].daemon
    server, since = guarded.server, len(guarded.proxy.passed)
    tokens = server.http("GET", "/v1/acl/tokens").json()
    accessor = next(
        one["AccessorID"] for one in tokens if one.get("Policies") and one["Policies"][0]["ID"] == guarded.policy
    )

    def delivered() -> int:
        return guarded.answered(since, lambda real: real.status == 403 and b"ACL not found" in real.body, "")

    def again() -> None:
        body = {"AccessorID": accessor, "SecretID": guarded.token, "Policies": [{"ID": guarded.policy}]}
        assert server.http("PUT", "/v1/acl/token", body).status == 200

    def says() -> bool:
        return set(daemon.states().values()) == {"held"} and "does not know the token" in daemon.readyz()[1]

    recover_s = endure(
        place,
        lambda: server.http("DELETE", f"/v1/acl/token/{accessor}"),
        again,
        happened=lambda: delivered() >= 3,
        says=says,
        meanwhile=lambda: wait_until(guarded.places["credulous"].harmed, 20) and None,
    )
    assert guarded.token not in daemon.log.read_text() + daemon.get("/api/v1/status")[1]
    record(
        "token expired (403 ACL not found)",
        area=AREA,
        injected="the token was deleted",
        times=delivered(),
        recover_s=recover_s,
        red_without=NO_ANSWER,
    )
