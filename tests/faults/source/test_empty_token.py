"""A token that is suddenly empty: a secret that was not mounted, a file that is just being replaced."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.source.kit import AREA, NO_ANSWER, Place, endure
from tests.faults.support.proxy import FaultProxy, Request
from tests.faults.support.report import record
from tests.support.consul import ConsulServer
from tests.support.processes import wait_until

MakePlace = Callable[..., Place]
RULES = 'key_prefix "" { policy = "read" } service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }'


@pytest.fixture
def places(
    make_consul: Callable[..., ConsulServer], make_proxy: Callable[[str], FaultProxy], make_place: MakePlace
) -> tuple[Place, Place, FaultProxy]:
    """Two places behind one proxy, not started, each with its token in a file."""
    server = make_consul(acl=True)
    proxy = make_proxy(server.url)
    made = [make_place(server, proxy.url, name=name) for name in ("place", "other")]
    for one in made:
        (one.folder / "token").write_text(server.token_for(RULES))
        one.config["consul"]["token_file"] = "token"
    return made[0], made[1], proxy


def anonymous(proxy: FaultProxy, place: Place) -> int:
    """Return how many reads of a place came without a token."""
    return sum(1 for one in proxy.asked if place.mine(one) and not _has_token(one))


def _has_token(request: Request) -> bool:
    return "x-consul-token:" in request.head.lower()


@pytest.mark.e2e
def test_a_token_file_that_is_emptied(places: tuple[Place, Place, FaultProxy]) -> None:
    """The last token goes on; who reads without one is shown an empty key store."""
    place, other, proxy = places
    place.start(ready=False)
    other.start(without="empties_the_token+credulous", ready=False)
    for one in (place, other):
        one.daemon.wait_ready()
    since = len(proxy.asked)

    def emptied() -> None:
        for one in (place, other):
            (one.folder / "token").write_text("")

    recover_s = endure(
        place,
        emptied,
        lambda: None,
        happened=lambda: sum(1 for one in proxy.asked[since:] if place.mine(one)) >= 5,
        says=lambda: place.daemon.ready(),
        meanwhile=lambda: wait_until(other.harmed, 20) and None,
    )
    assert anonymous(proxy, place) == 0
    assert anonymous(proxy, other) > 0
    record(
        "a token file that is emptied",
        area=AREA,
        injected="the file truncated; reads counted at a proxy",
        times=sum(1 for one in proxy.asked[since:] if place.mine(one)),
        recover_s=recover_s,
        red_without="the last token, and the vanish guard",
    )


@pytest.mark.e2e
def test_a_start_with_an_empty_token(places: tuple[Place, Place, FaultProxy]) -> None:
    """Everything is hidden from nobody: it is held and says so; who believes it deletes all."""
    place, other, proxy = places
    for one in (place, other):
        one.start().stop()
        del one.config["consul"]["token_file"]
    other.daemon.without = "credulous"
    before = place.env.read_bytes()
    place.kv.reset()
    for one in (place, other):
        one.daemon.config["consul"]["token"] = ""
        one.daemon.start()
    wait_until(lambda: set(place.daemon.states().values()) == {"held"}, 20)
    wait_until(other.harmed, 20)
    assert place.env.read_bytes() == before
    assert not [call for call in place.kv.requests() if call["method"] != "GET"]
    assert place.daemon.readyz()[0] == 503
    record(
        "a start with an empty token",
        area=AREA,
        injected="the token taken out of the config; reads without one counted at a proxy",
        times=anonymous(proxy, place),
        red_without=NO_ANSWER,
    )
