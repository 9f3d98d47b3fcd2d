"""The lock and who keeps it, on a real Consul and on the embedded one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest

from syncd.consul.failures import PermissionDenied
from syncd.consul.lock import Lock
from syncd.consul.settings import Settings
from syncd.core.errors import Fenced
from syncd.engine import leadership
from syncd.engine.leadership import Leadership
from tests.integration.dev.conftest import Consul
from tests.support.consul import ConsulServer
from tests.support.processes import eventually

KEY = "syncd/lock"


@asynccontextmanager
async def lock_on(consul: Consul) -> AsyncIterator[Lock]:
    """A lock on the test's own key."""
    lock = Lock(Settings(address=consul.http.base_url), consul.prefix + KEY)
    try:
        yield lock
    finally:
        await lock.close()


class Candidate:
    """Runs a leadership; `turns` counts what it was told."""

    def __init__(self, lock: Lock, who: str) -> None:
        self.turns = 0
        self.leadership = Leadership(lock, "syncd test", who, self._turned)
        self._task = asyncio.create_task(self.leadership.run())

    def _turned(self) -> None:
        self.turns += 1

    @property
    def leading(self) -> bool:
        """Whether it may write."""
        return self.leadership.lease.held

    async def stop(self) -> None:
        """End it, as a daemon does."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self.leadership.close()


@pytest.fixture
async def candidate(consul: Consul) -> AsyncIterator[Callable[[str], Candidate]]:
    """candidate("name"): one that asks for the test's own lock."""
    async with AsyncExitStack() as stack:

        def make(who: str) -> Candidate:
            one = Candidate(Lock(Settings(address=consul.http.base_url), consul.prefix + KEY), who)
            stack.push_async_callback(one.stop)
            return one

        yield make


async def test_one_session_holds_it(consul: Consul) -> None:
    """Others see who it is and do not get it; released, they get it at once."""
    async with lock_on(consul) as lock:
        one, two = await lock.open("one"), await lock.open("two")
        assert (await lock.seen()).session == ""
        assert await lock.take(one, "I am\nthe first \x1b[31m")
        seen = await lock.seen()
        assert (seen.session, seen.holder) == (one, "I am the first  [31m")
        assert not await lock.take(two, "two")
        assert not await lock.release(two, "two")
        assert await lock.release(one, "one")
        assert await lock.take(two, "two")
        for session in (one, two):
            await lock.end(session)


async def test_a_session_that_ended_leaves_a_delay(consul: Consul) -> None:
    """It cannot be renewed, and its lock is nobody's for a while."""
    async with lock_on(consul) as lock:
        one, two = await lock.open("one"), await lock.open("two")
        assert await lock.take(one, "one")
        assert await lock.renew(one)
        await lock.end(one)
        assert not await lock.renew(one)
        assert (await lock.seen()).session == ""
        assert not await lock.take(two, "two")
        await lock.end(two)


async def test_no_check_ends_a_session(consul_server: ConsulServer, consul_prefix: str) -> None:
    """Its TTL alone does: a flapping node is no reason."""
    lock = Lock(Settings(address=consul_server.url), consul_prefix + KEY)
    session = await lock.open("syncd test")
    [shown] = consul_server.http("GET", f"/v1/session/info/{session}").json()
    assert (shown["NodeChecks"], shown["TTL"], shown["LockDelay"]) == ([], "10s", 15_000_000_000)
    await lock.end(session)
    await lock.close()


async def test_a_question_waits_for_a_change(consul: Consul) -> None:
    """It is answered when the lock is released, not before."""
    async with lock_on(consul) as lock, lock_on(consul) as other:
        session = await lock.open("one")
        await lock.take(session, "one")
        seen = await lock.seen()
        waiting = asyncio.create_task(other.seen(after=seen.index, wait_s=30))
        await lock.release(session, "one")
        assert (await asyncio.wait_for(waiting, 10)).session == ""
        await lock.end(session)


async def test_one_leads_and_the_next_follows_at_once(consul: Consul, candidate: Callable[[str], Candidate]) -> None:
    """The follower knows whom it follows; when that one ends, it leads, and nothing of it is left in Consul."""
    one = candidate("first of all")
    await eventually(lambda: one.leading)
    two = candidate("second")
    await eventually(lambda: two.leadership.status.holder == "first of all")
    with pytest.raises(Fenced, match=r"^another instance writes \(first of all\)$"):
        two.leadership.lease.permit().check()
    assert (one.turns, two.turns, two.leading) == (1, 0, False)
    await one.stop()
    assert not one.leading
    await eventually(lambda: two.leading, 5)
    assert two.leadership.status.holder == "second"


async def test_a_push_without_an_answer_is_not_followed_at_once(
    consul: Consul, candidate: Callable[[str], Candidate]
) -> None:
    """The session is ended without a release: the lock delay passes first."""
    one = candidate("first")
    await eventually(lambda: one.leading)
    one.leadership.lease.unanswered.add("edge")
    await one.stop()
    async with lock_on(consul) as lock:
        session = await lock.open("two")
        assert (await lock.seen()).session == ""
        assert not await lock.take(session, "two")
        await lock.end(session)


@pytest.mark.parametrize("way", ["session ended", "key deleted"])
async def test_a_lost_lock_ends_the_term(
    consul: Consul, candidate: Callable[[str], Candidate], way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator ended the session or deleted the key: what was planned is not sent; the lock is asked for anew."""
    monkeypatch.setattr(leadership, "RENEW_S", 0.2)
    one = candidate("first")
    await eventually(lambda: one.leading)
    permit = one.leadership.lease.permit()
    permit.check()
    if way == "key deleted":
        consul.delete(KEY)
    else:
        consul.api("PUT", f"session/destroy/{consul.entry(KEY)['Session']}")
    await eventually(lambda: one.turns >= 2, 10)
    with pytest.raises(Fenced):
        permit.check()
    if way == "key deleted":
        await eventually(lambda: one.leading, 5)


async def test_the_lease_is_shorter_than_the_session(
    make_consul: Callable[..., ConsulServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Consul does not answer: the lease runs out by itself; Consul is back, and the same term goes on."""
    monkeypatch.setattr(leadership, "LEASE_S", 0.5)
    monkeypatch.setattr(leadership, "RENEW_S", 0.1)
    server = make_consul()
    one = Candidate(Lock(Settings(address=server.url), KEY), "first")
    await eventually(lambda: one.leading)
    permit = one.leadership.lease.permit()
    server.pause()
    await eventually(lambda: not one.leading)
    with pytest.raises(Fenced, match="could not be renewed"):
        permit.check()
    server.resume()
    await eventually(lambda: one.leading)
    permit.check()
    assert one.turns == 2
    await one.stop()


async def test_rights_that_are_missing_are_named(make_consul: Callable[..., ConsulServer]) -> None:
    """Reading is not enough: the token needs the session and the key; with both it leads."""
    server = make_consul(acl=True)
    read = 'key_prefix "" { policy = "read" }'
    session = 'session_prefix "" { policy = "write" }'
    for rules in (read, read + session):
        lock = Lock(Settings(address=server.url, token=server.token_for(rules)), KEY)
        one = Candidate(lock, "first")
        await eventually(lambda one=one: one.leadership.trouble)
        assert isinstance(one.leadership.trouble, PermissionDenied)
        assert KEY in str(one.leadership.trouble)
        assert "session write" in str(one.leadership.trouble)
        await one.stop()
    token = server.token_for(read + session + f'key "{KEY}" {{ policy = "write" }}')
    one = Candidate(Lock(Settings(address=server.url, token=token), KEY), "first")
    await eventually(lambda: one.leading)
    await one.stop()
