"""Answers that Consul would not give: nothing is lost, the status says why, and it heals by itself.

The same lie is told to a daemon that believes everything: it must lose entries, or the test proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.source.kit import AREA, NO_ANSWER, Place, endure, tell
from tests.faults.support import lies
from tests.faults.support.proxy import FaultProxy, Lie, Request, reads
from tests.faults.support.report import record
from tests.support.processes import wait_until

HTML = b"<!DOCTYPE html><title>Sign in</title>"
HELD = {"edge": "held", "app-env": "held"}

# fault, the lie, a word of what the status says
SHORT: list[tuple[str, Lie, str]] = [
    ("404 with a good index", lies.with_index(404, b"", lies.TEXT), "which is there"),
    ("200 with fewer keys", lies.partial, "vanished from the source, but a read of the key itself shows it"),
    ("HTML with 200", lies.always(200, HTML, lies.HTML), "200 with text/html"),
]
LONG: list[tuple[str, Lie, str]] = [
    ("404 of a proxy", lies.always(404, b"404 page not found", lies.TEXT), "404 with text/plain"),
    ("500", lies.always(500, b"No cluster leader", lies.TEXT), "answered 500 (No cluster leader)"),
    ("`null`", lies.with_index(200, b"null"), "null"),
    ("no index", lies.partial_with_index(None), "no X-Consul-Index"),
    ("a redirect", lies.redirect("/decoy"), "a redirect, which is never followed"),
    ("`[]`", lies.with_index(200, b"[]"), "an empty list"),
    ("HTML with 200 and a good index", lies.with_index(200, HTML, lies.HTML), "200 with text/html"),
    ("404 with an index of 0", lies.always(404, b"", {**lies.TEXT, "X-Consul-Index": "0"}), "X-Consul-Index '0'"),
    ("an index that is no number", lies.partial_with_index("banana"), "X-Consul-Index 'banana'"),
    ("an index beyond 64 bits", lies.partial_with_index("9" * 30), "X-Consul-Index '9999"),
    ("a negative index", lies.partial_with_index("-5"), "X-Consul-Index '-5'"),
    ("fewer keys and a lower index", lies.partial_with_index("1"), "vanished from the source"),
    ("keys of somebody else", lies.foreign, "keys that are not below"),
    ("JSON that ends in the middle", lies.torn, "JSON of another shape"),
    ("429", lies.always(429, b"rate limit", lies.TEXT), "answered 429"),
    ("503 of a load balancer", lies.always(503, HTML, lies.HTML), "answered 503"),
    ("403 of a proxy", lies.always(403, HTML, lies.HTML), "hides every needed key"),
]
ALL = [*(pytest.param(*one, id=one[0]) for one in SHORT)]
ALL += [pytest.param(*one, id=one[0], marks=pytest.mark.e2e) for one in LONG]
NO_DISTRUST = ("500", "429", "503 of a load balancer")


@pytest.fixture(autouse=True)
def honest(proxy: FaultProxy, places: dict[str, Place]) -> Iterator[None]:
    """Each test begins and ends with a proxy that tells the truth, and with places that are whole."""
    for place in places.values():
        wait_until(lambda place=place: place.daemon.ready() and not place.harmed(), 20, "all is well before the test")
        place.kv.reset()
    yield
    proxy.heal()


@pytest.mark.parametrize(("fault", "lie", "words"), ALL)
def test_a_lie_harms_nobody_who_knows_lies(
    proxy: FaultProxy, places: dict[str, Place], fault: str, lie: Lie, words: str
) -> None:
    """Every read of the key store is answered by the lie; nothing is written, and all is well when it ends."""
    place, daemon = places["shipped"], places["shipped"].daemon
    before = dict(proxy.delivered)

    def told(who: str) -> int:
        return proxy.delivered[f"{fault} {who}"] - before.get(f"{fault} {who}", 0)

    def said() -> bool:
        status = daemon.status()
        text = " ".join([status["source"]["error"] or "", *(one["last_error"] or "" for one in status["targets"])])
        held = {one["name"]: one["state"] for one in status["targets"]} == HELD or fault in NO_DISTRUST
        return words in text and (held or fault == "200 with fewer keys" or "lower" in fault)

    def the_other_is_harmed() -> None:
        wait_until(places["credulous"].harmed, 20, "the credulous one loses entries")

    recover_s = endure(
        place,
        lambda: tell(proxy, places, fault, lie, also=kv_reads),
        proxy.heal,
        happened=lambda: told("shipped") >= 5,
        says=said,
        meanwhile=the_other_is_harmed,
    )
    assert any(words in str(one) for one in daemon.events()), "the log says it, too"
    assert not [one for one in proxy.asked if one.path.startswith("/decoy")]
    record(
        fault,
        area=AREA,
        injected="by a proxy, instead of every read of the key store",
        times=told("shipped"),
        recover_s=recover_s,
        red_without="belief only in what Consul would say, and the vanish guard",
    )


@pytest.mark.parametrize(
    ("fault", "lie"),
    [
        pytest.param("connection reset", lies.reset, id="reset"),
        pytest.param("connection cut in the body", lies.cut, id="cut", marks=pytest.mark.e2e),
        pytest.param("black hole", lies.silence, id="silence", marks=pytest.mark.e2e),
        pytest.param("an answer of one byte at a time", lies.trickle, id="trickle", marks=pytest.mark.e2e),
    ],
)
def test_no_answer_at_all(proxy: FaultProxy, places: dict[str, Place], fault: str, lie: Lie) -> None:
    """A source that is away is stale; targets keep what they have, stay in sync with it, and go on afterwards."""
    place, other = places["shipped"], places["credulous"]

    def said() -> bool:
        return place.daemon.source()["state"] == "stale" and place.daemon.metric("syncd_source_up") == 0.0

    recover_s = endure(
        place,
        lambda: tell(proxy, places, fault, lie, also=kv_reads),
        proxy.heal,
        happened=lambda: proxy.delivered[f"{fault} shipped"] >= 3,
        says=said,
        meanwhile=lambda: wait_until(other.harmed, 30, "who takes no answer for an empty one loses entries") and None,
        within_s=30,
    )
    assert set(place.daemon.states().values()) == {"in_sync"}
    record(
        fault,
        area=AREA,
        injected="by a proxy",
        times=proxy.delivered[f"{fault} shipped"],
        recover_s=recover_s,
        red_without=NO_ANSWER,
    )


def kv_reads(request: Request) -> bool:
    """Return True for reads of the key store: the lie leaves transactions alone, as proxies that cache GETs do."""
    return reads(request) and request.path.startswith("/v1/kv/")
