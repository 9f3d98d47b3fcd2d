"""Reading values back: out of a share of the budget, not too soon after a write, and split where answers get large."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import stamina

from syncd.core.allowance import DAY_S, Daily, beyond
from syncd.core.model import Change, Entry
from syncd.targets.cloudflare import wire
from syncd.targets.cloudflare.budget import CALLS, Budget
from syncd.targets.cloudflare.calls import Calls
from syncd.targets.cloudflare.freeplan import daily
from syncd.targets.cloudflare.ledger import TRUST_S, Ledger
from syncd.targets.cloudflare.sessions import Sessions
from syncd.targets.cloudflare.shared import Shared
from syncd.targets.offers import Metered, ReadBack, Verifies
from tests.support.kv_server import WorkersKV
from tests.unit.cloudflare import kit
from tests.unit.cloudflare.test_calls import FAR, calls


@pytest.fixture(autouse=True)
def no_waits() -> Iterator[None]:
    """Stamina's own waits take no time."""
    with stamina.set_testing(True, attempts=5):
        yield


def entry(key: str, value: bytes) -> Entry:
    """Return a wanted entry."""
    return Entry(key, wire.digest(value), value)


async def test_spare_calls_are_a_tenth_and_leave_half() -> None:
    """In no five minutes more than a tenth; none while half is taken; and writes never wait for them."""
    clock = kit.FakeClock()
    budget = Budget(clock, calls=100, window_s=300)
    spare = []
    for _ in range(35):
        await budget.take_spare()
        spare.append(clock.at)
    assert all(later - earlier >= 300 for earlier, later in zip(spare, spare[10:], strict=False))
    clock.at += 1_000
    began = clock.at
    for _ in range(60):
        await budget.take(FAR)
    assert clock.at == began
    await budget.take_spare()
    assert clock.at >= began + 300


async def test_what_is_only_shown_neither_waits_nor_takes_what_writes_need() -> None:
    """Where half of the calls are taken, a page gets no old values, at once; the next write waits for nothing."""
    clock = kit.FakeClock()
    target = kit.target(kit.config(), clock)
    api = kit.ScriptedApi(clock, kit.reply(result={"values": {"a": "1"}}))
    target._sessions = Sessions(lambda token: Calls("edge", api, token, target._place, target._shared))
    assert await target.values(["a"], spare=True) == {"a": b"1"}
    budget = target._shared.budget("t0ken-t0ken")
    for _ in range(CALLS // 2):
        await budget.take(FAR)
    began = clock.at
    assert await target.values(["a"], spare=True) == {}
    await target.apply([Change("create", "k", None, "d", entry=entry("k", b"v"))], lambda *_: None)
    assert [call.operation for call in api.calls] == ["bulk/get", "bulk"]
    assert clock.at == began


async def test_a_large_answer_is_asked_for_in_halves() -> None:
    """What is too large together is asked for apart; one value that is too large alone is left out."""
    found = kit.reply(result={"values": {"b": "two"}})
    reading, api, _ = calls(kit.refusal(413, 0), kit.refusal(413, 0), found)
    assert await reading.look(["a", "b"], FAR) == {"b": "two"}
    assert [call.body["keys"] for call in api.calls] == [["a", "b"], ["a"], ["b"]]


async def test_what_was_written_lately_is_not_doubted() -> None:
    """For two minutes what is read may be older than what was written."""
    clock = kit.FakeClock()
    ledger = Ledger(clock)
    ledger.acknowledged({"k": entry("k", b"v")})
    assert ledger.lately("k")
    clock.at += TRUST_S
    assert not ledger.lately("k")


async def test_a_wrong_value_is_known_until_it_is_written() -> None:
    """A list then shows the digest that the value really has; written again, or forgotten, it is trusted anew."""
    clock = kit.FakeClock()
    ledger = Ledger(clock)
    there = {"k": Entry("k", "noted", owner="me")}

    def listed() -> str:
        found = dict(there)
        ledger.correct(found, "", "me")
        return found["k"].digest

    ledger.wrong("k", "noted", "real")
    assert listed() == "real"
    there["k"] = replace(there["k"], digest="newer")  # somebody else wrote it since
    assert listed() == "newer"
    there["k"] = replace(there["k"], digest="noted")
    ledger.forget("")
    assert listed() == "noted"
    ledger.wrong("k", "noted", "real")
    ledger.touched(["k"])  # a write that may have failed proves nothing
    assert listed() == "real"
    ledger.acknowledged({"k": there["k"]})
    clock.at += 2 * TRUST_S
    assert listed() == "noted"


async def test_a_target_tells_what_differs(kv_namespace: WorkersKV) -> None:
    """On the real API: right, wrong and gone values; what was written lately is not compared."""
    clock = kit.FakeClock()
    space = kv_namespace
    settings = kit.config(
        account_id=space.account,
        namespace_id=space.namespace,
        api_token=space.token,
        base_url=space.base_url,
        verify={},
    )
    target = kit.target(settings, clock, shared=Shared(clock))
    wanted = [entry("a", b"one"), entry("b", b"two"), entry("c", b"three"), entry("d", b"\xff four")]
    changes = [Change("create", one.key, None, one.digest, entry=one) for one in wanted]
    await target.apply(changes, lambda _done, _total: None)
    space.put("b", "2", space.metadata("b"))
    space.delete("c")
    assert await target.read_back(wanted) == ReadBack(frozenset(), {})
    clock.at += TRUST_S
    assert await target.read_back(wanted) == ReadBack(frozenset("abcd"), {"b": wire.digest(b"2"), "c": ""})
    assert isinstance(target, Verifies)
    assert isinstance(target, Metered)
    assert target.verify_interval_s == DAY_S
    await target.close()


def test_what_schedules_ask_of_an_account_is_added_up() -> None:
    """Two targets of 2,000 pairs and one account, listed every five minutes, pass the free plan together only."""
    one = list(daily(kit.config(), 2_000, 300.0))
    assert [(found.count, found.free) for found in one] == [(576.0, 1_000)]
    assert beyond(one) == {}
    (words,) = beyond([*one, *one]).values()
    assert words == (
        "Workers KV account acc: about 1,152 pages of lists a day; the free plan allows 1,000 in all. "
        "Write a longer reconcile.interval, unless the account has a paid plan"
    )
    assert beyond([*one, Daily("other", "pages of lists", 999.0, 1_000, "x")]) == {}
    reads = list(daily(kit.config(verify={"interval": "1h"}), 5_000, 3600.0))
    assert [found.count for found in reads] == [120.0, 120_000.0]
    assert "verify.interval" in next(iter(beyond(reads).values()))
