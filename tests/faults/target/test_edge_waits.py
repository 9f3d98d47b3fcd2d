"""Workers KV that asks us to stay away: nobody calls it for so long, the status says until when, the others go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from syncd.targets.cloudflare.budget import Budget
from tests.faults.support.report import record
from tests.faults.target.conftest import EdgeWorld
from tests.faults.target.kit import closest_writes_s
from tests.faults.target.test_edge import AREA, BULK, LIST, fresh, lift, refusal
from tests.support.processes import wait_until
from tests.unit.cloudflare import kit as unit

MakeWorld = Callable[..., EdgeWorld]
WAITS = "the wait that the API asked for"
DAILY, RATE = "daily limit (10048)", "429 with Retry-After 300"


def rate_limited(seconds: int) -> dict[str, object]:
    """Return the fault of too many calls."""
    return {**refusal(429, 971), "headers": {"retry-after": str(seconds), "content-type": "application/json"}}


def goes_on_beside(world: EdgeWorld) -> None:
    """Change the file beside, reconcile, change the pair again: the file follows."""
    for _ in range(2):
        world.reconcile()
        url = fresh()
        world.put(services__app__url=url, config__domains__web=url)
        wait_until(lambda url=url: (world.folder / "out/app").read_text() == url, 10)


def test_retry_after_300(make_world: MakeWorld) -> None:
    """After one 429 no call at all, whatever changes or is asked for; the status says when the next one is."""
    world = make_world()
    world.start()
    world.kv.reset()
    world.kv.fault(BULK, times=-1, **rate_limited(300))
    world.put(config__domains__api=fresh())
    world.until_says("edge", "it must wait 300 s")
    assert 290 < world.daemon.target("edge")["next_retry_at"] - time.time() <= 300
    calls = len(world.kv.requests())
    goes_on_beside(world)
    assert len(world.kv.requests()) == calls == 1
    assert 280 < world.daemon.target("edge")["next_retry_at"] - time.time() <= 300
    assert world.says("edge", "it must wait 300 s")
    record(RATE, area=AREA, injected="hook in front of workerd", times=1)


def test_the_daily_limit(make_world: MakeWorld) -> None:
    """No call until midnight UTC, and the status says so."""
    world = make_world()
    world.start()
    world.kv.reset()
    world.kv.fault(BULK, times=-1, **refusal(429, 10048))
    world.put(config__domains__api=fresh())
    world.until_says("edge", "nothing can be written until 00:00 UTC")
    now = datetime.now(UTC)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    assert abs(world.daemon.target("edge")["next_retry_at"] - midnight.timestamp()) < 5
    goes_on_beside(world)
    assert len(world.kv.requests()) == 1
    record(DAILY, area=AREA, injected="hook in front of workerd", times=1)


@pytest.mark.e2e
@pytest.mark.parametrize(("name", "fault"), [(RATE, rate_limited(300)), (DAILY, refusal(429, 10048))])
def test_without_the_waits_it_goes_on_calling(make_world: MakeWorld, name: str, fault: dict[str, object]) -> None:
    """The same with the waits forgotten: the calls go on."""
    world = make_world()
    world.start("forgets_waits")
    world.kv.reset()
    world.kv.fault(BULK, times=-1, **fault)
    world.put(config__domains__api=fresh())
    wait_until(lambda: len(world.kv.requests(BULK)) >= 3, 20)
    record(name, area=AREA, red_without=WAITS)


@pytest.mark.e2e
def test_after_the_wait_it_goes_on_by_itself(make_world: MakeWorld) -> None:
    """A Retry-After that does not fit into a pass's minute is waited out by the daemon; then the change goes out."""
    world = make_world()
    world.start()
    world.kv.reset()
    world.kv.fault(BULK, times=1, **rate_limited(62))
    value = fresh()
    world.put(config__domains__api=value)
    world.until_says("edge", "it must wait 62 s")
    lift(world)
    wait_until(lambda: world.domain("api") == value.encode(), 80)
    wait_until(world.daemon.ready, 10)
    first, second = [call["at_ms"] / 1000 for call in world.kv.requests(BULK)]
    assert 61.9 < second - first < 70
    assert closest_writes_s(world.kv) >= 1.0
    record(RATE, area=AREA, injected="hook, with 62 s", times=1, recover_s=second - first - 62)


@pytest.mark.e2e
def test_once_says_it_and_ends(make_world: MakeWorld) -> None:
    """One pass waits no longer than it may: it fails with the API's words, and the file beside is written."""
    world = make_world()
    world.kv.fault(LIST, times=-1, **rate_limited(300))
    code, out, _ = world.once("--timeout", "5s")
    assert code == 1
    assert "it must wait 300 s" in out
    assert (world.folder / "out/app").read_text() == world.keys["services/app/url"]
    assert len(world.kv.requests()) == 1
    lift(world)
    assert world.once()[0] == 0
    assert not world.wrong("api", "web", "www")
    record(RATE, area=AREA, injected="in `once`", times=1)


async def _most_calls(monkeypatch: pytest.MonkeyPatch, *, without: bool) -> int:
    """Return the most calls in any five minutes of an hour in which somebody always wants to call."""
    clock = unit.FakeClock()
    budget = Budget(clock)
    times: list[float] = []
    if without:
        monkeypatch.setattr(Budget, "take", lambda *_: unit.FakeClock().sleep(0))
    while clock.at < 1000 + 3600:
        clock.at += 0.05
        await budget.take(float("inf"))
        times.append(clock.at)
    ends = iter(range(len(times)))
    end, most = 0, 0
    for start, at in enumerate(times):
        while end < len(times) and times[end] < at + 300:
            end = next(ends) + 1
        most = max(most, end - start)
    return most


async def test_never_over_1200_calls_in_5_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour of calls as fast as they go, on a clock that tests move; without the budget there are 6,000."""
    most = await _most_calls(monkeypatch, without=False)
    assert 1_000 < most <= 1_200
    assert await _most_calls(monkeypatch, without=True) > 1_200
    record(
        "more calls than a token may make",
        area=AREA,
        injected="an hour of calls on a moved clock",
        times=most,
        red_without="the budget per token",
    )
