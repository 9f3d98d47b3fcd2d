"""Indexes and blocking queries: what raises them, what wakes them, on both servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.support.http import Answer

if TYPE_CHECKING:
    from tests.integration.dev.conftest import Consul

SHORT = "200ms"


def until_woken(consul: Consul, path: str, act: Callable[[], object]) -> tuple[Answer, bool]:
    """Wait on `/v1/PATH` from its own index with a long wait while `act` happens; return the answer."""
    return _wait(consul, path, act, "60s", 9)


def sleeps_on(consul: Consul, path: str, act: Callable[[], object]) -> bool:
    """Return whether the query on `/v1/PATH` keeps its index through a short wait, though `act` happened."""
    answer, moved = _wait(consul, path, act, SHORT, 9)
    return not moved and answer.status in (200, 404)


def _wait(consul: Consul, path: str, act: Callable[[], object], wait: str, patience_s: float) -> tuple[Answer, bool]:
    sign = "&" if "?" in path else "?"
    index = consul.http("GET", f"/v1/{path}").headers["x-consul-index"]
    waiting = consul.pool.submit(consul.http, "GET", f"/v1/{path}{sign}index={index}&wait={wait}")
    act()
    answer = waiting.result(patience_s)
    return answer, answer.headers["x-consul-index"] != index


def test_an_identical_write_changes_no_index(consul: Consul) -> None:
    """Neither the key's nor the prefix's; other flags do."""
    consul.put("a", b"1")
    before = consul.entry("a")
    consul.put("a", b"1")
    assert consul.entry("a") == before
    assert consul.index() == before["ModifyIndex"]
    consul.put("a", b"1", "flags=1")
    after = consul.entry("a")
    assert after["ModifyIndex"] > before["ModifyIndex"]
    assert after["CreateIndex"] == before["CreateIndex"]


def test_the_index_of_a_prefix_is_its_newest_key(consul: Consul) -> None:
    """Others do not move it; names have the same one."""
    consul.put("a/1")
    consul.put("a/2")
    newest = consul.entry("a/2")["ModifyIndex"]
    consul.put("b/1")
    assert consul.index("a/") == consul.index("a/", "keys") == newest
    assert consul.index("a/1", "") < newest


def test_a_deleted_key_leaves_its_index_to_the_prefix(consul: Consul) -> None:
    """The prefix of a deleted key does not fall back to the older ones, nor when it is empty."""
    consul.put("a/old")
    consul.put("a/new")
    before = consul.index("a/")
    consul.delete("a/new")
    deleted = consul.index("a/")
    assert deleted > before
    consul.delete("a/", "recurse")
    emptied = consul.index("a/")
    assert emptied > deleted
    consul.put("b/x")
    assert consul.index("a/") == emptied


def test_a_prefix_that_never_was_has_the_index_of_all(consul: Consul) -> None:
    """Any write moves it, and that of a missing key too."""
    for key, query in (("never/", "recurse"), ("never/", "keys"), ("never/x", "")):
        consul.put("other", key.encode() + query.encode())
        assert consul.index(key, query) >= consul.entry("other")["ModifyIndex"]


def test_delete_tree_leaves_one_tombstone(consul: Consul) -> None:
    """It stands for the prefix that was deleted: folders below have the index of all keys again."""
    consul.put("gone/x/y")
    consul.delete("gone/", "recurse")
    emptied = consul.index("gone/")
    consul.put("other", b"later")
    assert consul.index("gone/") == consul.index("go") == emptied
    assert consul.index("gone/x/") > emptied
    assert consul.index("gone/x/y", "") > emptied


@pytest.mark.parametrize("query", ["", "recurse", "keys"])
def test_a_change_wakes(consul: Consul, query: str) -> None:
    """A new value, and a delete."""
    consul.put("a", b"1")
    path = f"kv/{consul.prefix}a?{query}"
    answer, moved = until_woken(consul, path, lambda: consul.put("a", b"2"))
    assert (answer.status, moved) == (200, True)
    answer, moved = until_woken(consul, path, lambda: consul.delete("a"))
    assert (answer.status, moved) == (404, True)


def test_a_new_key_wakes_its_prefix(consul: Consul) -> None:
    """The answer holds it."""
    consul.put("a/1")
    answer, _ = until_woken(consul, f"kv/{consul.prefix}a/?recurse", lambda: consul.put("a/2"))
    assert len(answer.json()) == 2


def test_a_prefix_that_never_was_wakes_on_the_first_key(consul: Consul) -> None:
    """And a key that was not there."""
    answer, _ = until_woken(consul, f"kv/{consul.prefix}new/?recurse", lambda: consul.put("new/1"))
    assert answer.status == 200
    answer, _ = until_woken(consul, f"kv/{consul.prefix}new/2", lambda: consul.put("new/2"))
    assert answer.status == 200


def test_nothing_else_wakes(consul: Consul) -> None:
    """An identical write, another prefix that exists, a key that is not deleted, a transaction that fails."""
    consul.put("a/1", b"1")
    consul.put("b/1", b"1")
    path = f"kv/{consul.prefix}a/?recurse"
    for act in (
        lambda: consul.put("a/1", b"1"),
        lambda: consul.put("b/1", b"2"),
        lambda: consul.delete("a/2"),
        lambda: consul.txn({"Verb": "set", "Key": "a/3", "Value": ""}, {"Verb": "get", "Key": "none"}),
    ):
        assert sleeps_on(consul, path, act)
    assert sleeps_on(consul, f"kv/{consul.prefix}a/1", lambda: consul.put("b/1", b"3"))


def test_an_emptied_prefix_sleeps(consul: Consul) -> None:
    """Its tombstone keeps it from waking on every write."""
    consul.put("a/1")
    consul.delete("a/1")
    assert sleeps_on(consul, f"kv/{consul.prefix}a/?recurse", lambda: consul.put("b/1", b"2"))


def test_an_index_above_all_blocks_and_misses(consul: Consul) -> None:
    """As facts.md warns; the answer then tells the true index."""
    consul.put("a", b"1")
    path = f"/v1/kv/{consul.prefix}a?index=999999999&wait={SHORT}"
    waiting = consul.pool.submit(consul.http, "GET", path)
    consul.put("a", b"2")
    answer = waiting.result(9)
    assert int(answer.headers["x-consul-index"]) == consul.entry("a")["ModifyIndex"]


def test_a_wait_without_an_index_does_not_block(consul: Consul) -> None:
    """Nor does index 0: the client would give up after 10 s."""
    consul.put("a")
    assert consul.get("a", "wait=60s").status == 200
    assert consul.get("a", "index=0&wait=60s").status == 200
