"""The budget of a token, retries and their waits, and the ledger, on a clock that tests move."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import stamina

from syncd.core.errors import TargetError
from syncd.core.model import Change, Entry
from syncd.targets.cloudflare.budget import Budget, TooLong
from syncd.targets.cloudflare.calls import Calls
from syncd.targets.cloudflare.faults import ApiFault, Place, Reply
from syncd.targets.cloudflare.ledger import Ledger
from syncd.targets.cloudflare.push import Push
from syncd.targets.cloudflare.shared import Shared
from tests.unit.cloudflare import kit

FAR = 10_000.0
CUT = ApiFault("the connection was cut", retry=True)


@pytest.fixture(autouse=True)
def no_waits() -> Iterator[None]:
    """Stamina's own waits take no time; ours are the clock's."""
    with stamina.set_testing(True, attempts=5):
        yield


def calls(*script: Reply | ApiFault, shared: Shared | None = None) -> tuple[Calls, kit.ScriptedApi, kit.FakeClock]:
    """Return calls on a scripted API."""
    clock = shared.clock if shared else kit.FakeClock()
    assert isinstance(clock, kit.FakeClock)
    api = kit.ScriptedApi(clock, *script)
    return Calls("edge", api, "t", Place("https://x", "acc", "ns"), shared or Shared(clock)), api, clock  # type: ignore[arg-type]


def put(*keys: str) -> list[Change]:
    """Return creates of these keys."""
    return [Change("create", key, None, "d", entry=Entry(key, "d", b"v")) for key in keys]


async def test_never_over_the_budget() -> None:
    """Whatever is asked, no five minutes hold more calls than the budget."""
    clock = kit.FakeClock()
    budget = Budget(clock, calls=1_100, window_s=300)
    times = []
    for number in range(5_000):
        clock.at += 0.01 if number % 7 else 1.0
        await budget.take(FAR)
        times.append(clock.at)
    assert all(later - earlier >= 300 for earlier, later in zip(times, times[1_100:], strict=False))


async def test_budget_that_would_outlast_the_deadline() -> None:
    """A wait that ends too late is not begun."""
    clock = kit.FakeClock()
    budget = Budget(clock, calls=1)
    await budget.take(FAR)
    with pytest.raises(TooLong) as caught:
        await budget.take(clock.at + 299)
    assert (caught.value.wait_s, clock.slept) == (300, [])


async def test_targets_with_one_token_share_the_budget() -> None:
    """The budget belongs to the token, not to the target."""
    shared = Shared(kit.FakeClock())
    assert shared.budget("t") is shared.budget("t")
    assert shared.budget("t") is not shared.budget("u")


async def test_cut_bulks_are_repeated_a_second_later() -> None:
    """A bulk whose connection was cut may have been carried out: the next try keeps the distance."""
    one, api, _ = calls(CUT, CUT, CUT)
    assert await Push(one, "me", put("a", "b"), lambda *_: None, FAR).run() == {}
    assert [later.at - earlier.at >= 1 for earlier, later in zip(api.calls, api.calls[1:], strict=False)] == [True] * 3


async def test_retries_end() -> None:
    """Five tries, then what the last one said, with the target and what was done."""
    one, api, _ = calls(*[CUT] * 9)
    with pytest.raises(TargetError, match=r"^edge: writing 2 pairs: the connection was cut$"):
        await Push(one, "me", put("a", "b"), lambda *_: None, FAR).run()
    assert len(api.calls) == 5


async def test_retry_after_as_a_date() -> None:
    """Retry-After may be a date."""
    one, _, clock = calls(kit.refusal(429, 971, retry_after="Sat, 09 May 2026 20:00:40 GMT"), kit.reply(result=[]))
    await one.page("", "", FAR)
    assert clock.slept == [40]


async def test_retry_after_of_an_unwell_server() -> None:
    """A 503 may say how long as well; nonsense in the header is no wait."""
    one, _, clock = calls(
        kit.refusal(503, 0, retry_after="20"), kit.refusal(503, 0, retry_after="soon"), kit.reply(result=[])
    )
    await one.page("", "", FAR)
    assert clock.slept == [20]


@pytest.mark.parametrize("said", ["9" * 400, "99999999", "Sat, 09 May 2099 20:00:00 GMT"])
async def test_retry_after_of_years(said: str) -> None:
    """No header keeps a target away for longer than a day."""
    one, _, _ = calls(kit.refusal(429, 971, retry_after=said))
    with pytest.raises(TargetError) as caught:
        await one.page("", "", FAR)
    assert caught.value.retry_after_s == 86_400


async def test_codes_count_whatever_the_status() -> None:
    """The daily limit and a bad token are known by their code, with HTTP 200 too."""
    for status in (200, 400, 403, 429, 503):
        one, api, _ = calls(kit.refusal(status, 10048))
        with pytest.raises(TargetError) as caught:
            await one.put({"a": b"{}"}, FAR)
        assert (caught.value.retry_after_s, len(api.calls)) == (4 * 3600, 1)
    one, _, _ = calls(kit.refusal(200, 10000))
    with pytest.raises(TargetError) as caught:
        await one.page("", "", FAR)
    assert caught.value.final


async def test_words_of_the_api_are_cut_and_plain() -> None:
    """What the API says is shown without control characters, and not for pages."""
    one, _, _ = calls(kit.refusal(400, 10029, "bad\x1b[31m\nrequest " + "x" * 1_000))
    with pytest.raises(TargetError) as caught:
        await one.page("", "", FAR)
    assert 'code 10029 "bad [31m request' in str(caught.value)
    assert len(str(caught.value)) < 400


async def test_cancelled_bulk_is_unknown() -> None:
    """What a cancelled bulk did is not known: the list decides, and the keys keep their distance."""
    shared = Shared(kit.FakeClock())
    one, api, clock = calls(shared=shared)
    await Push(one, "me", put("a"), lambda *_: None, FAR).run()
    clock.at += 5

    async def hang(*_: object, **__: object) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    api.call = hang  # type: ignore[method-assign]
    push = asyncio.create_task(Push(one, "me", put("a"), lambda *_: None, FAR).run())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    push.cancel()
    with pytest.raises(asyncio.CancelledError):
        await push
    listed: dict[str, Entry] = {}
    one.ledger.correct(listed, "", "me")
    assert listed == {}
    assert one.ledger.ready_in(["a"]) >= 1


def test_ledger_never_hides_another_owner() -> None:
    """Where a list shows another owner's pair, it is newer than our write or delete, and stands."""
    ledger = Ledger(kit.FakeClock())
    ledger.acknowledged(
        {"put": Entry("put", "d", owner="me"), "gone": None, "adopted": Entry("adopted", "d", owner="me")}
    )
    listed = {
        "put": Entry("put", "x", owner="other"),
        "gone": Entry("gone", "x", owner=None),
        "adopted": Entry("adopted", "", owner=None),
    }
    ledger.correct(listed, "", "me")
    assert (listed["put"].owner, listed["gone"].owner, listed["adopted"].owner) == ("other", None, "me")


def test_ledger_keeps_to_the_prefix() -> None:
    """Another target's writes in the same namespace are not put into our list."""
    ledger = Ledger(kit.FakeClock())
    ledger.acknowledged({"one/a": Entry("one/a", "d", owner="me")})
    listed: dict[str, Entry] = {}
    ledger.correct(listed, "two/", "me")
    assert listed == {}


async def test_too_large_to_be_shown() -> None:
    """Values that are too large together are left out, the others come."""
    one, _, _ = calls(kit.refusal(413, 0), kit.reply(result={"values": {"z": "1"}}))
    assert await one.contents([f"k{number}" for number in range(100)] + ["z"], FAR) == {"z": b"1"}


@pytest.mark.parametrize("token", ["", "two lines\nhere", "ümlaut", "\0"])
async def test_token_that_is_none(token: str, tmp_path) -> None:
    """A token file with something else in it is told without showing it."""
    file = tmp_path / "token"
    file.write_text(token)
    edge = kit.target(kit.config(api_token_file=str(file)), kit.FakeClock())
    with pytest.raises(TargetError, match="holds no API token") as caught:
        await edge.read(edge.desired(kit.view({}), kit.view({})))
    assert not token or token not in str(caught.value)


async def test_token_file_that_is_not_there(tmp_path) -> None:
    """A missing token file is told by its path."""
    edge = kit.target(kit.config(api_token_file=str(tmp_path / "none")), kit.FakeClock())
    with pytest.raises(TargetError, match="none cannot be read: No such file"):
        await edge.read(edge.desired(kit.view({}), kit.view({})))
    assert await edge.values(["a"]) == {}
