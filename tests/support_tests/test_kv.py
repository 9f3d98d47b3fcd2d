"""The Workers KV fixture behaves as facts about the real one say."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest

from tests.support.kv_server import KVServer, WorkersKV


def code(answer: Any) -> tuple[int, int]:
    """Return (status, Cloudflare's code) of a refusal."""
    return answer.status, answer.json()["errors"][0]["code"]


def test_an_edge_program_reads_what_was_put(kv_namespace: WorkersKV) -> None:
    """Put by REST, listed with metadata, read by a Worker through its binding, deleted."""
    kv_namespace.put("config/domains/frontend", "https://x", {"o": "me"})
    kv_namespace.put("raw", b"\x00\xff")
    assert kv_namespace.list() == {"config/domains/frontend": {"o": "me"}, "raw": None}
    assert kv_namespace.list("config/") == {"config/domains/frontend": {"o": "me"}}
    assert kv_namespace.metadata("config/domains/frontend") == {"o": "me"}
    assert kv_namespace.get("raw") == b"\x00\xff"
    assert kv_namespace.read_through_worker("config/domains/frontend") == "https://x"
    kv_namespace.delete("config/domains/frontend", "was never there")
    assert kv_namespace.read_through_worker("config/domains/frontend") is None
    assert kv_namespace.list() == {"raw": None}


def test_pages_and_bulk_get(kv_namespace: WorkersKV) -> None:
    """2,500 pairs are three pages in key order; bulk get takes 100 keys at most."""
    kv_namespace.put_many({f"k{i:05}": str(i) for i in range(2500)})
    kv_namespace.reset()
    assert list(kv_namespace.list()) == [f"k{i:05}" for i in range(2500)]
    assert len(kv_namespace.requests("GET keys")) == 3
    got = kv_namespace("POST", "bulk/get", {"keys": ["k00007", "none"], "type": "text"}).json()["result"]["values"]
    assert got == {"k00007": "7", "none": None}
    assert kv_namespace("POST", "bulk/get", {"keys": [str(i) for i in range(101)]}).status == 400


def test_refusals(kv_namespace: WorkersKV, workers_kv: KVServer) -> None:
    """A bad token, namespace, key, metadata: the codes of the real API, and nothing of the request is written."""
    pair = {"key": "fine", "value": "1"}
    assert code(kv_namespace("GET", "keys", token="wrong")) == (403, 10000)
    assert code(WorkersKV(workers_kv, "f" * 32)("GET", "keys")) == (404, 10013)
    assert code(kv_namespace("GET", "values/none")) == (404, 10009)
    for bad, expected in (
        ({"key": "n" * 513, "value": ""}, 10030),
        ({"key": "", "value": ""}, 10029),
        ({"key": "..", "value": ""}, 10029),
        ({"key": "fine", "value": "2"}, 10029),
        ({"key": "m", "value": "", "metadata": {"x": "y" * 1024}}, 10047),
    ):
        assert code(kv_namespace("PUT", "bulk", [pair, bad])) == (400, expected)
    assert code(kv_namespace("PUT", "bulk", [pair] * 10_001)) == (400, 10029)
    assert kv_namespace.list() == {}


def test_canned_answers_and_log(kv_namespace: WorkersKV, workers_kv: KVServer) -> None:
    """A fault strikes the calls it names, as often as it says, in its own namespace; the log tells."""
    other = workers_kv.fresh()
    kv_namespace.fault("PUT bulk", skip=1, times=2, status=429, headers={"Retry-After": "300"}, body={"success": False})
    statuses = [kv_namespace("PUT", "bulk", [{"key": k, "value": "1"}]).status for k in "abcd"]
    assert statuses == [200, 429, 429, 200]
    assert other("PUT", "bulk", []).status == 200
    calls = kv_namespace.requests("PUT bulk")
    assert [(call["keys"], call["status"], call["faulted"]) for call in calls] == [
        (["a"], 200, False),
        (["b"], 429, True),
        (["c"], 429, True),
        (["d"], 200, False),
    ]
    assert list(kv_namespace.list()) == ["a", "d"]


def test_unsuccessful_keys_and_dropped_connections(kv_namespace: WorkersKV) -> None:
    """A bulk can be done in part (HTTP 200), or be lost before or after it was done."""
    pairs = [{"key": "a", "value": "1"}, {"key": "b", "value": "1"}]
    kv_namespace.fault("PUT bulk", unsuccessful_keys=["b"])
    result = kv_namespace("PUT", "bulk", pairs).json()["result"]
    assert result == {"successful_key_count": 1, "unsuccessful_keys": ["b"]}
    assert list(kv_namespace.list()) == ["a"]
    for drop, left in (("before", ["a"]), ("after", [])):
        kv_namespace.fault("POST bulk/delete", drop=drop)
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            kv_namespace("POST", "bulk/delete", ["a"])
        assert list(kv_namespace.list()) == left


def test_lists_that_mislead(kv_namespace: WorkersKV) -> None:
    """An empty page has a cursor that goes on; a stale list shows the past, page by page."""
    kv_namespace.put_many({f"k{i:02}": "1" for i in range(30)})
    kv_namespace.fault("GET keys", empty_page=True, times=2)
    assert len(kv_namespace.list()) == 30
    assert len(kv_namespace.requests("GET keys")) == 3
    kv_namespace.fault("GET keys", stale=True)
    kv_namespace.delete(*[f"k{i:02}" for i in range(30)])
    first = kv_namespace("GET", "keys?limit=20").json()
    second = kv_namespace("GET", f"keys?limit=20&cursor={first['result_info']['cursor']}").json()
    assert [len(first["result"]), len(second["result"]), second["result_info"]["cursor"]] == [20, 10, ""]
    assert kv_namespace.list() == {}
    kv_namespace.fault("GET keys", body="<html>", headers={"Content-Type": "text/html"})
    assert json.dumps(kv_namespace("GET", "keys").text) == '"<html>"'
