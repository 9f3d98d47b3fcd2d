"""What is counted of calls: each that went out, what it costs, and how long it waited, on a clock that tests move."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
import stamina

from syncd.core.errors import Fenced, TargetError
from syncd.core.model import Change, Entry
from syncd.core.usage import Usage
from syncd.targets.cloudflare.calls import Calls
from syncd.targets.cloudflare.faults import ApiFault, Place, Reply
from syncd.targets.cloudflare.push import Push
from syncd.targets.cloudflare.shared import Shared
from tests.unit.cloudflare import kit

FAR = 10_000.0


@pytest.fixture(autouse=True)
def no_waits() -> Iterator[None]:
    """Stamina's own waits take no time; ours are the clock's."""
    with stamina.set_testing(True, attempts=5):
        yield


def calls(shared: Shared, *script: Reply | ApiFault, target: str = "edge") -> Calls:
    """Return calls on a scripted API."""
    assert isinstance(shared.clock, kit.FakeClock)
    return Calls(target, kit.ScriptedApi(shared.clock, *script), "t", Place("https://x", "acc", "ns"), shared)  # type: ignore[arg-type]


def push(one: Calls, *changes: Change) -> Push:
    """Return a push of these changes."""
    return Push(one, "me", changes, lambda _done, _total: None, FAR)


def put(key: str) -> Change:
    """Return a create of a key."""
    return Change("create", key, None, "d", entry=Entry(key, "d", b"v"))


async def test_calls_by_status_and_pairs_by_bill() -> None:
    """Refused and unanswered calls cost nothing; refused pairs of an answered call do, and are not written."""
    shared = Shared(kit.FakeClock())
    one = calls(
        shared,
        ApiFault("the connection was cut", retry=True),
        kit.refusal(503, 0),
        kit.reply(result={"unsuccessful_keys": ["b"]}),
        kit.reply(result=None),
        kit.reply(result=None),
    )
    await push(one, put("a"), put("b"), Change("delete", "c", "d", None)).run()
    used = shared.usage("edge")
    assert used.calls == {("write", "none"): 1, ("write", "503"): 1, ("write", "200"): 2, ("delete", "200"): 1}
    assert used.billed == {"write": 3, "delete": 1}
    assert used.writes == 2


async def test_reads_and_lists() -> None:
    """A list is one operation a page, a read one for each key."""
    shared = Shared(kit.FakeClock())
    one = calls(shared, kit.reply(result=[]), kit.reply(result={"values": {}}), kit.reply(result={"values": {}}))
    await one.page("", "", FAR)
    await one.contents([f"k{number}" for number in range(130)], FAR)
    assert shared.usage("edge").billed == {"list": 1, "read": 130}


async def test_waits_have_their_reason() -> None:
    """A second write of a key, a Retry-After, a budget that is used up."""
    clock = kit.FakeClock()
    shared = Shared(clock)
    one = calls(shared, kit.reply(result=None), kit.refusal(429, 971, retry_after="40"))
    await push(one, put("a")).run()
    await push(one, put("a")).run()
    used = shared.usage("edge")
    assert used.waited_s["spacing"] == pytest.approx(2 * 1.05)  # the refused call was one of the key too
    assert used.waited_s["retry_after"] == pytest.approx(40 - 1.05)
    assert used.waited_s["budget"] == 0
    clock.at += 1_000  # a moment at which all of the next calls are made
    for _ in range(1_101):
        await one.page("", "", FAR)
    assert used.waited_s["budget"] == pytest.approx(300)
    assert sum(clock.slept) == pytest.approx(sum(used.waited_s.values()))


async def test_what_never_went_out_is_no_call() -> None:
    """Neither where the fence is closed, nor where the wait would be too long."""
    shared = Shared(kit.FakeClock())
    one = calls(shared)

    def closed() -> None:
        raise Fenced("not now")

    with suppress(Fenced):
        await one.put({"a": b"{}"}, FAR, closed)
    shared.budget("t").block(60)
    with pytest.raises(TargetError, match="may not be used"):
        await one.page("", "", shared.clock.now() + 1)
    assert (shared.usage("edge").calls, sum(shared.usage("edge").waited_s.values())) == ({}, 0)


async def test_usage_outlives_a_target_and_is_its_own() -> None:
    """A target that a changed config replaces counts on; one of another name counts for itself."""
    shared = Shared(kit.FakeClock())
    for name in ("edge", "edge", "other"):
        await calls(shared, target=name).page("", "", FAR)
    assert shared.usage("edge").calls == {("list", "200"): 2}
    assert shared.usage("other").calls == {("list", "200"): 1}


def test_no_status_makes_up_a_label() -> None:
    """What is no HTTP status is as if there were no answer."""
    used = Usage()
    for status in (999_999, 0, -1, None, 418):
        used.called("list", status, 1)
    assert used.calls == {("list", "none"): 4, ("list", "418"): 1}
