"""Transactions: all or nothing, on both servers."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.integration.dev.conftest import Consul
    from tests.support.http import Answer


def value(text: str) -> str:
    """Return a value as it travels."""
    return base64.b64encode(text.encode()).decode()


def results(answer: Answer) -> list[dict[str, Any]]:
    """Return the entries of a transaction that succeeded."""
    assert answer.status == 200, answer.text
    told = answer.json()
    assert told["Errors"] is None
    return [result["KV"] for result in told["Results"]]


def errors(answer: Answer) -> list[int]:
    """Return which operations failed."""
    assert answer.status == 409, answer.text
    told = answer.json()
    assert told["Results"] is None
    assert all(error["What"] for error in told["Errors"])
    return [error["OpIndex"] for error in told["Errors"]]


def test_writes_have_one_index(consul: Consul) -> None:
    """Two sets are one write; the answer does not repeat the values."""
    one, two = results(
        consul.txn(
            {"Verb": "set", "Key": "a", "Value": value("1"), "Flags": 7},
            {"Verb": "set", "Key": "b", "Value": value("2")},
        )
    )
    assert (one["Flags"], one["Value"], two["Value"]) == (7, None, None)
    assert one["ModifyIndex"] == two["ModifyIndex"] == consul.entry("a")["ModifyIndex"]
    assert consul.get("b", "raw").body == b"2"


def test_an_identical_set_keeps_its_index(consul: Consul) -> None:
    """Its result shows the old one."""
    consul.put("a", b"1")
    before = consul.entry("a")["ModifyIndex"]
    [entry] = results(consul.txn({"Verb": "set", "Key": "a", "Value": value("1")}))
    assert entry["ModifyIndex"] == before


def test_reads_come_back(consul: Consul) -> None:
    """get and get-tree give values; a tree that is not there gives nothing."""
    consul.put("a/1", b"1")
    consul.put("a/2", b"2")
    assert [e["Value"] for e in results(consul.txn({"Verb": "get", "Key": "a/1"}))] == [value("1")]
    assert [e["Value"] for e in results(consul.txn({"Verb": "get-tree", "Key": "a/"}))] == [value("1"), value("2")]
    assert results(consul.txn({"Verb": "get-tree", "Key": "none/"})) == []


def test_a_missing_key_is_an_error_of_its_operation(consul: Consul) -> None:
    """The others say nothing."""
    consul.put("a")
    ops = [{"Verb": "get", "Key": key} for key in ("a", "none", "a", "none2")]
    assert errors(consul.txn(*ops)) == [1, 3]


def test_one_error_undoes_all(consul: Consul) -> None:
    """Sets, deletes and their indexes."""
    consul.put("a", b"old")
    consul.put("t/1", b"old")
    before = consul.get("", "recurse").json(), consul.index(), consul.index("t/")
    failed = consul.txn(
        {"Verb": "set", "Key": "a", "Value": value("new")},
        {"Verb": "set", "Key": "b", "Value": value("new")},
        {"Verb": "delete-tree", "Key": "t/"},
        {"Verb": "cas", "Key": "a", "Value": value("x"), "Index": 1},
    )
    assert errors(failed) == [3]
    assert (consul.get("", "recurse").json(), consul.index(), consul.index("t/")) == before


def test_later_operations_see_earlier_ones(consul: Consul) -> None:
    """Set, get, delete, check-not-exists of one key."""
    got = results(
        consul.txn(
            {"Verb": "set", "Key": "a", "Value": value("1")},
            {"Verb": "get", "Key": "a"},
            {"Verb": "delete", "Key": "a"},
            {"Verb": "check-not-exists", "Key": "a"},
        )
    )
    assert [entry["Value"] for entry in got] == [None, value("1")]
    assert consul.get("a").status == 404


def test_compare_and_set_or_delete(consul: Consul) -> None:
    """cas 0 creates; a seen index writes and deletes; a stale one fails."""
    [made] = results(consul.txn({"Verb": "cas", "Key": "a", "Value": value("1"), "Index": 0}))
    stale = {"Verb": "cas", "Key": "a", "Value": value("2"), "Index": made["ModifyIndex"] - 1}
    assert errors(consul.txn(stale, {**stale, "Verb": "delete-cas"})) == [0, 1]
    assert errors(consul.txn({"Verb": "cas", "Key": "none", "Index": 5})) == [0]
    [written] = results(consul.txn({**stale, "Index": made["ModifyIndex"]}))
    assert results(consul.txn({"Verb": "delete-cas", "Key": "a", "Index": written["ModifyIndex"]})) == []
    assert consul.get("a").status == 404


def test_checks(consul: Consul) -> None:
    """check-index and check-not-exists guard a write."""
    consul.put("a")
    seen = consul.entry("a")["ModifyIndex"]
    guarded = {"Verb": "set", "Key": "b", "Value": ""}
    assert len(results(consul.txn({"Verb": "check-index", "Key": "a", "Index": seen}, guarded))) == 2
    failing = [
        {"Verb": "check-index", "Key": "a", "Index": seen - 1},
        {"Verb": "check-index", "Key": "none", "Index": seen},
        {"Verb": "check-not-exists", "Key": "a"},
        {"Verb": "bogus", "Key": "a"},
    ]
    assert errors(consul.txn(*failing)) == [0, 1, 2, 3]


def test_what_is_not_a_transaction(consul: Consul) -> None:
    """No JSON, no list, unknown things: 400; 65 operations, or over 512 KiB: 413; an empty list is fine."""
    for body in (b"x", b"{}", b'[{"Foo": {}}]', b'[{"KV": {"Verb": "set", "Key": "a", "Value": "#"}}]'):
        assert consul.refused("PUT", "txn", body)[0] == 400
    assert results(consul.http("PUT", "/v1/txn", [])) == []
    ops = [{"Verb": "set", "Key": f"m/{number}", "Value": ""} for number in range(65)]
    assert consul.txn(*ops).status == 413
    assert len(results(consul.txn(*ops[:64]))) == 64
    big = {"Verb": "set", "Key": "big", "Value": value("x" * 400_000)}
    assert consul.txn(big).status == 413
    assert errors(consul.http("PUT", "/v1/txn", [{"KV": {"Verb": "set", "Key": ""}}])) == [0]
