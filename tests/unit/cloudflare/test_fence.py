"""The check before each write: nothing goes out once it says no, not even what was begun."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import stamina

from syncd.core.errors import Fenced
from syncd.core.model import Change, Entry
from syncd.targets.cloudflare.calls import Calls
from syncd.targets.cloudflare.faults import ApiFault
from syncd.targets.cloudflare.sessions import Sessions
from tests.unit.cloudflare import kit


@pytest.fixture(autouse=True)
def no_waits() -> Iterator[None]:
    """Stamina's own waits take no time; ours are the clock's."""
    with stamina.set_testing(True, attempts=5):
        yield


class Fence:
    """Lets so many writes go out."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> None:
        """Count down."""
        self.left -= 1
        if self.left < 0:
            raise Fenced("another instance writes")


def edge(clock: kit.FakeClock, *script: ApiFault) -> tuple[kit.CloudflareKv, kit.ScriptedApi]:
    """Return a target on a scripted API."""
    target = kit.target(kit.config(), clock)
    api = kit.ScriptedApi(clock, *script)
    target._sessions = Sessions(lambda token: Calls("edge", api, token, target._place, target._shared))
    return target, api


def puts(count: int) -> list[Change]:
    """Return so many creates."""
    entries = [Entry(f"k{number:05}", "d", b"v") for number in range(count)]
    return [Change("create", entry.key, None, "d", entry=entry) for entry in entries]


async def test_a_bulk_that_was_decided_stays() -> None:
    """Two bulks are due; the second is not sent, and the words are the fence's."""
    target, api = edge(kit.FakeClock())
    with pytest.raises(Fenced, match=r"^another instance writes$"):
        await target.apply(puts(1_500), lambda *_: None, fence=Fence(1))
    assert [len(call.body) for call in api.calls] == [1_000]


async def test_a_repeated_bulk_asks_again() -> None:
    """A cut connection is tried again only while that is allowed."""
    target, api = edge(kit.FakeClock(), ApiFault("the connection was cut", retry=True))
    with pytest.raises(Fenced):
        await target.apply(puts(1), lambda *_: None, fence=Fence(1))
    assert len(api.calls) == 1


async def test_it_is_asked_after_every_wait() -> None:
    """A key that was just written waits its second first: the check comes after it."""
    clock = kit.FakeClock()
    target, api = edge(clock)
    await target.apply(puts(1), lambda *_: None, fence=Fence(1))
    asked_at: list[float] = []
    with pytest.raises(Fenced):
        await target.apply(puts(1), lambda *_: None, fence=lambda: (asked_at.append(clock.at), Fence(0)())[1])
    assert asked_at == [clock.at]
    assert clock.slept != []
    assert len(api.calls) == 1


async def test_forget_lets_the_list_speak() -> None:
    """After it, what we wrote is not believed over the list; its distance in time is kept."""
    target, _ = edge(kit.FakeClock())
    await target.apply(puts(1), lambda *_: None)
    ledger = target._shared.ledger(target.config.base_url, "acc", "ns")
    listed: dict[str, Entry] = {}
    ledger.correct(listed, "", kit.OWNER)
    assert set(listed) == {"k00000"}
    target.forget()
    listed = {}
    ledger.correct(listed, "", kit.OWNER)
    assert listed == {}
    assert ledger.ready_in(["k00000"]) > 0
