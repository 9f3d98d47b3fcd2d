"""Sessions and the locks they hold, on both servers; their end by time on a clock of ours."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from syncd.dev.consul_server.records import Refused
from syncd.dev.consul_server.requests import SessionWish
from syncd.dev.consul_server.state import ConsulState
from syncd.dev.storage import Storage
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from tests.integration.dev.conftest import Consul

NOBODY = "00000000-0000-0000-0000-000000000000"


def session(consul: Consul, **fields: Any) -> str:
    """Make a session without lock delay unless it is given."""
    return str(consul.api("PUT", "session/create", {"LockDelay": "0s", **fields}).json()["ID"])


def test_a_session_is_shown(consul: Consul) -> None:
    """With its fields, alone and in the list; gone after its end."""
    made = session(consul, Name=consul.name, TTL="10m", LockDelay="5s", Behavior="delete")
    [shown] = consul.api("GET", f"session/info/{made}").json()
    assert (shown["ID"], shown["Name"], shown["TTL"], shown["Behavior"]) == (made, consul.name, "10m", "delete")
    assert shown["LockDelay"] == 5_000_000_000
    assert shown["CreateIndex"] == shown["ModifyIndex"] > 0
    assert shown in consul.api("GET", "session/list").json()
    assert consul.api("PUT", f"session/destroy/{made}").json() is True
    assert consul.api("GET", f"session/info/{made}").json() == []
    assert consul.api("PUT", f"session/destroy/{made}").json() is True


def test_defaults_and_names_of_fields(consul: Consul) -> None:
    """An empty body will do; names may be lower case; a small lock delay is in seconds."""
    made = consul.api("PUT", "session/create", b"").json()["ID"]
    [shown] = consul.api("GET", f"session/info/{made}").json()
    assert (shown["LockDelay"], shown["Behavior"], shown["TTL"]) == (15_000_000_000, "release", "")
    lower = consul.api("PUT", "session/create", {"name": "low", "lockdelay": 3, "ttl": "20s"}).json()["ID"]
    [shown] = consul.api("GET", f"session/info/{lower}").json()
    assert (shown["Name"], shown["LockDelay"], shown["TTL"]) == ("low", 3_000_000_000, "20s")
    for one in (made, lower):
        consul.api("PUT", f"session/destroy/{one}")


def test_renew(consul: Consul) -> None:
    """The session comes back; 404 for one that has ended."""
    made = session(consul, TTL="10s")
    [shown] = consul.api("PUT", f"session/renew/{made}").json()
    assert shown["ID"] == made
    consul.api("PUT", f"session/destroy/{made}")
    assert consul.refused("PUT", f"session/renew/{made}")[0] == 404


@pytest.mark.parametrize(
    ("status", "wish"),
    [
        (500, {"TTL": "1s"}),
        (500, {"TTL": "25h"}),
        (500, {"TTL": "x"}),
        (500, {"Behavior": "x"}),
        (500, {"Node": "none"}),
        (500, {"Checks": ["none"]}),
        (400, {"LockDelay": "x"}),
        (400, {"Name": 5}),
        (400, b"{"),
    ],
)
def test_wrong_sessions(consul: Consul, status: int, wish: Any) -> None:
    """Each is refused with Consul's status."""
    assert consul.refused("PUT", "session/create", wish)[0] == status


def test_wrong_ids(consul: Consul) -> None:
    """No id, and what is no id."""
    for verb in ("renew", "destroy"):
        assert consul.refused("PUT", f"session/{verb}/")[0] == 400
        assert consul.refused("PUT", f"session/{verb}/nope")[0] == 500
    assert consul.refused("GET", "session/info/")[0] == 400
    assert consul.refused("GET", "session/info/nope")[0] == 500
    assert consul.refused("GET", "session/create")[0] == 405


def test_one_holds_a_lock(consul: Consul) -> None:
    """The second waits; a plain write keeps the holder; released, the second gets it."""
    one, two = session(consul), session(consul)
    assert consul.put("lock", b"one", f"acquire={one}")
    assert (consul.entry("lock")["Session"], consul.entry("lock")["LockIndex"]) == (one, 1)
    assert consul.put("lock", b"again", f"acquire={one}")
    assert consul.entry("lock")["LockIndex"] == 1
    assert not consul.put("lock", b"two", f"acquire={two}")
    assert not consul.put("lock", b"two", f"release={two}")
    assert consul.put("lock", b"plain")
    assert consul.entry("lock")["Session"] == one
    assert consul.put("lock", b"free", f"release={one}")
    assert "Session" not in consul.entry("lock")
    assert consul.put("lock", b"two", f"acquire={two}")
    assert consul.entry("lock")["Session"] == two
    for made in (one, two):
        consul.api("PUT", f"session/destroy/{made}")


def test_turns_are_counted(consul: Consul) -> None:
    """LockIndex counts who got it: once per holder."""
    for turn in (1, 2):
        made = session(consul)
        assert consul.put("lock", b"", f"acquire={made}")
        assert consul.entry("lock")["LockIndex"] == turn
        consul.api("PUT", f"session/destroy/{made}")
        assert consul.entry("lock")["LockIndex"] == turn


def test_the_end_of_a_session_wakes_who_waits_for_its_lock(consul: Consul) -> None:
    """The key is released, with a new index."""
    made = session(consul)
    consul.put("lock", b"held", f"acquire={made}")
    index = consul.entry("lock")["ModifyIndex"]
    path = f"/v1/kv/{consul.prefix}lock?index={index}&wait=60s"
    waiting = consul.pool.submit(consul.http, "GET", path)
    consul.api("PUT", f"session/destroy/{made}")
    [entry] = waiting.result(9).json()
    assert "Session" not in entry
    assert entry["ModifyIndex"] > index


def test_behaviour_delete_removes_the_key(consul: Consul) -> None:
    """When its session ends."""
    made = session(consul, Behavior="delete")
    consul.put("lock", b"held", f"acquire={made}")
    consul.api("PUT", f"session/destroy/{made}")
    assert consul.get("lock").status == 404


def test_lock_delay(consul: Consul) -> None:
    """Nobody gets the lock of an ended session at once; after the delay somebody does. A release has no delay."""
    one, two = session(consul, LockDelay="1s"), session(consul)
    consul.put("lock", b"", f"acquire={one}")
    consul.api("PUT", f"session/destroy/{one}")
    assert not consul.put("lock", b"", f"acquire={two}")
    wait_until(lambda: consul.put("lock", b"", f"acquire={two}"), 5)
    assert consul.put("lock", b"", f"release={two}")
    assert consul.put("lock", b"", f"acquire={two}")
    consul.api("PUT", f"session/destroy/{two}")


def test_nobody_cannot_lock(consul: Consul) -> None:
    """No session, an ended one, what is no id: 500."""
    for holder in ("", NOBODY, "nope"):
        assert consul.refused("PUT", f"kv/{consul.prefix}lock?acquire={holder}", b"")[0] == 500
    assert consul.get("lock").status == 404


class Clock:
    """Seconds that go on when the test says so."""

    now = 0.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


def held_lock(ttl: str, path: Path | None = None) -> tuple[ConsulState, Clock, str]:
    """Return a state with one session of that TTL that holds the key `lock`."""
    clock = Clock()
    state = ConsulState(Storage(path), clock)
    with state.write() as index:
        made = state.sessions.create(index, "syncd-dev", SessionWish(ttl=ttl, lock_delay="15s"))
        state.kv.lock(index, "lock", b"", 0, made.id)
    return state, clock, made.id


def test_a_session_ends_after_twice_its_ttl() -> None:
    """Not before, and not while it is renewed; then its lock is free after the delay."""
    state, clock, made = held_lock("10s")
    for now in (19, 38):
        clock.now = now
        state.expire()
        found = state.sessions.get(made)
        assert found
        state.sessions.renew(found)
    clock.now = 58
    state.expire()
    assert state.sessions.get(made) is None
    _, entry = state.kv.get("lock")
    assert entry
    assert entry.session == ""
    assert state.sessions.delayed("lock")
    clock.now = 73
    assert not state.sessions.delayed("lock")
    with pytest.raises(Refused):
        state.sessions.holder(made)


def test_a_session_without_ttl_stays() -> None:
    """However long nobody renews it."""
    state, clock, made = held_lock("")
    clock.now = 1e9
    state.expire()
    assert state.sessions.get(made)
    assert str(uuid.UUID(made)) == made


def test_a_restart_gives_the_full_time_again(tmp_path: Path) -> None:
    """A session that was kept on disk ends twice its TTL after the start, not never."""
    state, clock, made = held_lock("10s", tmp_path / "data")
    clock.now = 15
    state.close()
    state = ConsulState(Storage(tmp_path / "data"), clock)
    for now, there in ((34, True), (35, False)):
        clock.now = now
        state.expire()
        assert (state.sessions.get(made) is not None) == there
    state.close()
