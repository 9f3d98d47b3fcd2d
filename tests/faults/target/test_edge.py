"""Workers KV that refuses, lies or is cut off: no pair is ever wrong, the status says why, and it heals by itself.

The same happens to daemons that have one protection less: each must do harm, or the test proves nothing.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults.support.report import record
from tests.faults.target.conftest import EdgeWorld
from tests.faults.target.kit import closest_writes_s, faulted
from tests.support.processes import wait_until

AREA = "Workers KV"
LIST, BULK, DELETE = "GET keys", "PUT bulk", "POST bulk/delete"
HTML = {"body": "<!DOCTYPE html><title>Sign in</title>", "headers": {"content-type": "text/html"}}
Worlds = Callable[..., EdgeWorld]


def refusal(status: int, code: int) -> dict[str, Any]:
    """Return a fault that answers as Cloudflare refuses."""
    errors = [{"code": code, "message": "no"}]
    return {"status": status, "body": {"success": False, "errors": errors, "messages": [], "result": None}}


@dataclass(frozen=True)
class Row:
    """One fault: `words` are in the status; `times`: how often before the same pass gets through, 0 = until lifted."""

    name: str
    fault: dict[str, Any]
    words: str = ""
    times: int = 0
    at: tuple[str, ...] = (LIST, BULK)
    short: bool = True


REFUSED = [
    Row("`success: false` with 200", refusal(200, 10001), "success: false"),
    Row("HTML with 200", HTML, "HTTP 200 with text/html, which is not an answer", short=False),
    Row("401", refusal(401, 10000), "the API token was refused", short=False),
    Row("403", refusal(403, 10000), "HTTP 403, code 10000", short=False),
    Row("404, code 10013", refusal(404, 10013), "not found in account", short=False),
    Row("400", refusal(400, 10029), "does not take it", short=False),
    Row("a redirect", {"status": 302, "headers": {"location": "/decoy"}}, "redirects are not followed", short=False),
    Row("500", refusal(500, 0), "HTTP 500", at=(BULK,), short=False),
    Row("524", {"status": 524, "body": "<html>"}, "HTTP 524", short=False),
    Row("429 without Retry-After", refusal(429, 971), "too many calls", at=(BULK,), short=False),
    Row("connection reset", {"drop": "before"}, "the connection was cut", short=False),
]
PASSING = [
    Row("524 twice", {"status": 524, "body": "<html>"}, times=2, at=(BULK,)),
    Row("connection reset in the middle of a bulk", {"drop": "before"}, times=2, at=(BULK,), short=False),
    Row("connection reset after a bulk was carried out", {"drop": "after"}, times=2, at=(BULK,), short=False),
]


def params(rows: list[Row]) -> list[Any]:
    """Return the cases: the short ones are part of `make test`."""
    cases = [(row, at, row.short and at == row.at[-1]) for row in rows for at in row.at]
    return [
        pytest.param(row, at, id=f"{row.name}, {at}", marks=[] if short else pytest.mark.e2e)
        for row, at, short in cases
    ]


def fresh() -> str:
    """Return a value that no pair ever had."""
    return f"https://{uuid.uuid4().hex[:8]}.example.com"


@pytest.mark.parametrize(("row", "at"), params(REFUSED))
def test_a_refusal_harms_nothing(worlds: Worlds, row: Row, at: str) -> None:
    """It lasts until the status says so; the file beside goes on; afterwards the change arrives, and nothing else."""
    world, value, url = worlds(), fresh(), fresh()
    world.kv.fault(at, times=-1, **row.fault)
    if at == LIST:
        world.reconcile()
    else:
        world.put(config__domains__api=value)
    wait_until(lambda: faulted(world.kv, at), 20)
    world.put(services__app__url=url)
    wait_until(lambda: (world.folder / "out/app").read_text() == url, 10, "the file beside goes on")
    world.until_says("edge", row.words, 40)
    assert world.daemon.states()["app"] == "in_sync"
    assert world.daemon.target("edge")["next_retry_at"] > time.time() - 5
    times = faulted(world.kv, at)
    world.put(config__domains__api=value)
    world.kv.fault(at, times=0)
    lift(world)
    lifted = time.monotonic()
    wait_until(lambda: world.domain("api") == value.encode(), 60)
    wait_until(world.daemon.ready, 10)
    assert not world.wrong("api")
    assert closest_writes_s(world.kv) >= 1.0
    record(row.name, area=AREA, injected="hook in front of workerd", times=times, recover_s=time.monotonic() - lifted)


def lift(world: EdgeWorld) -> None:
    """End all faults; the log of requests goes on."""
    from tests.support.http import Http

    Http(world.kv.server.url)("DELETE", "/__faults")


@pytest.mark.parametrize(("row", "at"), params(PASSING))
def test_a_short_fault_passes_within_the_pass(worlds: Worlds, row: Row, at: str) -> None:
    """The bulk is sent again, at least a second later; the status is never `failed`."""
    world, value = worlds(), fresh()
    world.kv.fault(at, times=row.times, **row.fault)
    began = time.monotonic()
    world.put(config__domains__api=value)
    wait_until(lambda: faulted(world.kv, at) == row.times, 20)
    assert world.daemon.target("edge")["state"] != "failed"
    wait_until(lambda: world.domain("api") == value.encode(), 20)
    wait_until(world.daemon.ready, 10)
    assert len(world.kv.requests(at)) == row.times + 1
    assert not world.wrong("api")
    assert closest_writes_s(world.kv) >= 1.0
    record(
        row.name,
        area=AREA,
        injected="hook in front of workerd",
        times=row.times,
        recover_s=time.monotonic() - began,
    )


def test_partial_failure_twice(worlds: Worlds) -> None:
    """Only the keys that were not written are sent again, each a second later."""
    world, value = worlds(), fresh()
    world.kv.fault(BULK, times=2, unsuccessful_keys=["config/domains/web"])
    began = time.monotonic()
    world.put(config__domains__api=value, config__domains__web=value)
    wait_until(lambda: world.domain("web") == value.encode(), 20)
    wait_until(world.daemon.ready, 10)
    web = ["config/domains/web"]
    assert [call["keys"] for call in world.kv.requests(BULK)] == [["config/domains/api", *web], web, web]
    assert closest_writes_s(world.kv) >= 1.0
    assert not world.wrong("api", "web")
    took_s = time.monotonic() - began
    record("partial failure twice", area=AREA, injected="unsuccessful_keys with 200", times=2, recover_s=took_s)


@pytest.mark.e2e
def test_a_delete_that_is_refused(worlds: Worlds) -> None:
    """A pair that must go is asked for again, and goes; nothing else does."""
    world = worlds()
    world.put(config__domains__old="https://old.example.com")
    wait_until(lambda: world.domain("old"), 10)
    world.kv.reset()
    world.kv.fault(DELETE, times=2, **refusal(200, 10001))
    began = time.monotonic()
    world.drop("config/domains/old")
    wait_until(lambda: faulted(world.kv, DELETE) == 2, 20)
    wait_until(lambda: world.domain("old") is None, 20)
    wait_until(world.daemon.ready, 10)
    assert not world.wrong("old")
    took_s = time.monotonic() - began
    record("a delete that is refused", area=AREA, injected="`success: false`", times=2, recover_s=took_s)


def test_a_list_that_is_a_minute_old(worlds: Worlds) -> None:
    """Reconciles while lists show what was: what we wrote and deleted meanwhile is not done again."""
    world, value = worlds(), fresh()
    world.put(config__domains__gone="https://gone.example.com")
    wait_until(lambda: world.domain("gone") and world.daemon.ready(), 10)
    world.kv.fault(LIST, times=-1, stale=True)
    world.put(config__domains__api=value, config__domains__new=value)
    world.drop("config/domains/gone")
    wait_until(lambda: world.domain("new") and world.domain("gone") is None, 10)
    wait_until(world.daemon.ready, 10)
    before = len(world.kv.requests(BULK)) + len(world.kv.requests(DELETE))
    for number in (1, 2):
        world.reconcile()
        wait_until(lambda number=number: faulted(world.kv, LIST) >= number, 10)
        wait_until(world.daemon.ready, 10)
    times = faulted(world.kv, LIST)
    lift(world)
    world.put(config__domains__api=value + "/after")
    wait_until(lambda: world.domain("api") == f"{value}/after".encode(), 10)
    assert len(world.kv.requests(BULK)) + len(world.kv.requests(DELETE)) == before + 1
    assert not world.wrong("api", "new", "gone")
    record("a list that is a minute old", area=AREA, injected="lists show an old state", times=times)


def test_an_empty_page_with_a_cursor(worlds: Worlds) -> None:
    """It is not the end of the list: nothing is written that is there."""
    world = worlds()
    world.kv.fault(LIST, times=2, empty_page=True)
    checked = world.daemon.target("edge")["last_checked_at"]
    world.reconcile()
    wait_until(lambda: world.daemon.target("edge")["last_checked_at"] > checked, 10)
    wait_until(world.daemon.ready, 10)
    assert faulted(world.kv, LIST) == 2
    assert not world.wrong()
    record("an empty page with a cursor", area=AREA, injected="hook in front of workerd", times=2)


def test_what_the_api_would_refuse_is_not_sent(make_world: Callable[..., EdgeWorld]) -> None:
    """A key that is too long is a fault of its own; the others of the same bulk go out; renamed, it follows."""
    world, long = make_world(), "config/domains/" + "n" * 600
    world.put(**{long: "x"})
    world.start(ready=False)
    world.until_says("edge", "key is 615 bytes, Workers KV allows 512")
    assert [world.domain(name) is not None for name in ("api", "web", "www")] == [True] * 3
    assert not [key for call in world.kv.requests(BULK) for key in call["keys"] if len(key) > 512]
    assert world.daemon.target("edge")["entries"] == 3
    world.put(config__domains__new="x")
    wait_until(lambda: world.domain("new"), 10)
    began = time.monotonic()
    world.drop(long)
    wait_until(world.daemon.ready, 10)
    took_s = time.monotonic() - began
    record("a key over 512 bytes", area=AREA, injected="in the source", times=1, recover_s=took_s)


@pytest.mark.e2e
def test_a_burst_on_one_key_keeps_its_distance(worlds: Worlds) -> None:
    """However often a value changes, it is written once a second, and the last one stays."""
    world = worlds()
    last = ""
    for number in range(1, 4):
        last = f"{fresh()}/{number}"
        world.put(config__domains__api=last)
        wait_until(lambda number=number: len(world.kv.requests(BULK)) >= min(number, 2), 10)
    wait_until(lambda: world.domain("api") == last.encode(), 10)
    assert closest_writes_s(world.kv) >= 1.0
    record("a key that changes all the time", area=AREA, injected="in the source", times=3)


@pytest.mark.e2e
def test_an_api_that_takes_its_time(worlds: Worlds) -> None:
    """While an answer is not there the file beside goes on, and the status still answers."""
    world, value = worlds(), fresh()
    world.kv.fault(BULK, times=1, delay_ms=8_000)
    world.put(config__domains__api=value)
    wait_until(lambda: faulted(world.kv, BULK), 10)
    for _ in range(3):
        url = fresh()
        world.put(services__app__url=url)
        wait_until(lambda url=url: (world.folder / "out/app").read_text() == url, 5)
    assert world.domain("api") != value.encode()
    wait_until(lambda: world.domain("api") == value.encode(), 20)
    wait_until(world.daemon.ready, 10)
    assert not world.wrong("api")
    record("an API that answers after 8 s", area=AREA, injected="hook in front of workerd", times=1)
