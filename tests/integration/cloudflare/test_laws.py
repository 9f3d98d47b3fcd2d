"""The laws of every target, and what an edge program sees, on real Workers KV."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from syncd.core.errors import TargetError
from syncd.core.model import FOREIGN
from syncd.targets.cloudflare.target import CloudflareKv
from tests.support.kv_server import WorkersKV
from tests.unit.cloudflare import kit

MakeEdge = Callable[..., CloudflareKv]
VALUES = {
    "config/env": "production",
    "config/domains/api": "https://api.example",
    "config/empty": "",
    "x": "ünï \U0001f600",
}


async def test_first_push_then_nothing(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """Everything is written once; a second pass, in a process that remembers nothing, finds nothing to do."""
    first = await kit.run_pass(make_edge(), kit.view(VALUES))
    assert [change.op for change in first.plan.changes] == ["create"] * 4
    assert (first.failed, first.progress) == ({}, [(0, 4), (4, 4)])
    kv_namespace.reset()
    second = await kit.run_pass(make_edge(), kit.view(VALUES))
    assert second.plan.in_sync
    assert [call["op"] for call in kv_namespace.requests()] == ["keys"]


async def test_a_worker_reads_what_was_pushed(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """An edge program gets each value through its binding."""
    await kit.run_pass(make_edge(), kit.view(VALUES))
    assert {key: kv_namespace.read_through_worker(key) for key in VALUES} == VALUES


async def test_metadata_beside_each_pair(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """Owner, the first 32 hex of the SHA-256 and the ModifyIndex stand beside the value."""
    await kit.run_pass(make_edge(), kit.view({"a": "1"}, index=42))
    assert kv_namespace.metadata("a") == {"o": kit.OWNER, "h": hashlib.sha256(b"1").hexdigest()[:32], "mi": 42}


async def test_updates_and_deletes(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """A changed value is written, a key that is no longer wanted is deleted, the rest is left alone."""
    await kit.run_pass(make_edge(), kit.view({"a": "1", "b": "2", "c": "3"}))
    kv_namespace.reset()
    done = await kit.run_pass(make_edge(), kit.view({"a": "1", "b": "two"}))
    assert [(change.op, change.key) for change in done.plan.changes] == [("update", "b"), ("delete", "c")]
    assert [(call["op"], call["keys"]) for call in kv_namespace.requests()[1:]] == [
        ("bulk", ["b"]),
        ("bulk/delete", ["c"]),
    ]
    assert (kv_namespace.get("a"), kv_namespace.get("b"), kv_namespace.get("c")) == (b"1", b"two", None)


async def test_foreign_pairs_survive(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """Pairs without metadata, with odd metadata or of another owner are conflicts if wanted, and left alone else."""
    marks = {"bare": None, "odd": {"color": "red"}, "odder": "text", "theirs": {"o": "other", "h": "0" * 32, "mi": 1}}
    for key, metadata in marks.items():
        kv_namespace.put(key, "kept", metadata)
        kv_namespace.put("un" + key, "kept", metadata)
    done = await kit.run_pass(make_edge(), kit.view({**dict.fromkeys(marks, "wanted"), "ours": "1"}))
    assert {one.key: one.owner for one in done.plan.conflicts} == {
        "bare": None,
        "odd": None,
        "odder": None,
        "theirs": "other",
    }
    assert done.found["odd"].owner == FOREIGN
    assert {key: kv_namespace.get(key) for key in kv_namespace.list()} == {
        **dict.fromkeys(marks, b"kept"),
        **{"un" + key: b"kept" for key in marks},
        "ours": b"1",
    }


async def test_adopting_what_nobody_claims(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """With adopt, a pair without metadata becomes ours; its old content and digest are known before."""
    kv_namespace.put("a", "by hand")
    kv_namespace.put("b", b"\xff\xfe by hand")
    done = await kit.run_pass(make_edge(adopt=True), kit.view({"a": "1", "b": "2"}))
    assert [(change.op, change.adopted) for change in done.plan.changes] == [("update", True), ("update", True)]
    assert (done.found["a"].content, done.found["a"].digest) == (
        b"by hand",
        hashlib.sha256(b"by hand").hexdigest()[:32],
    )
    assert (done.found["b"].content, done.found["b"].digest) == (None, "")
    assert kv_namespace.metadata("a")["o"] == kit.OWNER
    assert (await kit.run_pass(make_edge(adopt=True), kit.view({"a": "1", "b": "2"}))).plan.in_sync


async def test_renamed_owner_keeps_its_pairs(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """Pairs of an owner named in owner_was are ours; their metadata is written again though the content is equal."""
    await kit.run_pass(make_edge(owner="old"), kit.view({"a": "1", "gone": "2"}))
    renamed = make_edge(owner="new", owner_was=("older", "old"))
    done = await kit.run_pass(renamed, kit.view({"a": "1"}))
    assert [(change.op, change.key) for change in done.plan.changes] == [("update", "a"), ("delete", "gone")]
    assert {key: marks["o"] for key, marks in kv_namespace.list().items()} == {"a": "new"}


async def test_bad_digest_in_our_metadata_is_an_update(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """A digest that is not 32 hex characters is not believed."""
    for number, noted in enumerate(["A" * 32, "abc", 7, None]):
        kv_namespace.put(f"k{number}", "1", {"o": kit.OWNER, "h": noted, "mi": 1})
    done = await kit.run_pass(make_edge(), kit.view({f"k{number}": "1" for number in range(4)}))
    assert [change.op for change in done.plan.changes] == ["update"] * 4


async def test_key_prefix_isolates(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """A target sees and deletes nothing outside its key_prefix, not even what has its own owner."""
    await kit.run_pass(make_edge(key_prefix="one/"), kit.view({"a": "1", "b": "1"}))
    await kit.run_pass(make_edge(key_prefix="two/"), kit.view({"a": "2"}))
    done = await kit.run_pass(make_edge(key_prefix="one/"), kit.view({"a": "1"}))
    assert [(change.op, change.key) for change in done.plan.changes] == [("delete", "one/b")]
    assert {call["query"]["prefix"] for call in kv_namespace.requests("GET keys")} == {"one/", "two/"}
    assert list(kv_namespace.list()) == ["one/a", "two/a"]


async def test_list_that_ignores_the_prefix(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """What an API lists outside of our key_prefix is not ours to delete, even with our owner."""
    await kit.run_pass(make_edge(key_prefix="two/"), kit.view({"a": "2"}))
    rows = [{"name": name, "metadata": marks} for name, marks in kv_namespace.list().items()]
    kv_namespace.fault("GET keys", body={"success": True, "errors": [], "result": rows, "result_info": {"cursor": ""}})
    assert (await kit.run_pass(make_edge(key_prefix="one/"), kit.view({}))).plan.in_sync


async def test_values_that_are_not_text(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """Every byte arrives as it is; a value that is not UTF-8 travels as base64."""
    values = {"all": bytes(range(256)), "nul": b"\0" * 2000, "quotes": b'"\\' * 1000, "line": b"a\r\n\xe2\x80\xa8"}
    await kit.run_pass(make_edge(), kit.view(values))
    assert {key: kv_namespace.get(key) for key in values} == values
    assert (await kit.run_pass(make_edge(), kit.view(values))).plan.in_sync


async def test_odd_keys(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """Keys that would be dangerous in a path are keys like others."""
    values = dict.fromkeys(["a/../b", "a//b", "%2e%2e", "a b?c#d&e=f", "ü/\U0001f600", '"\\', "k" * 512], "v")
    done = await kit.run_pass(make_edge(), kit.view(values))
    assert done.failed == {}
    assert kv_namespace.list().keys() == values.keys()
    assert (await kit.run_pass(make_edge(key_prefix=""), kit.view(values))).plan.in_sync


async def test_bulks_of_a_thousand(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """2,500 creates are three bulks in key order, with progress from 0 on; as many deletes are three more."""
    values = {f"k{number:05}": "v" for number in range(2_500)}
    done = await kit.run_pass(make_edge(), kit.view(values))
    assert [len(call["keys"]) for call in kv_namespace.requests("PUT bulk")] == [1_000, 1_000, 500]
    assert [key for call in kv_namespace.requests("PUT bulk") for key in call["keys"]] == list(values)
    assert done.progress == [(0, 2_500), (1_000, 2_500), (2_000, 2_500), (2_500, 2_500)]
    await kit.run_pass(make_edge(), kit.view({}))
    assert [len(call["keys"]) for call in kv_namespace.requests("POST bulk/delete")] == [1_000, 1_000, 500]
    assert kv_namespace.list() == {}


async def test_ten_thousand_in_sync_cost_ten_lists(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """10,000 owned pairs in sync: 10 requests and no write."""
    values = {f"config/domains/k{number:05}": f"https://host-{number}.example" for number in range(10_000)}
    await kit.run_pass(make_edge(), kit.view(values))
    kv_namespace.reset()
    assert (await kit.run_pass(make_edge(), kit.view(values))).plan.in_sync
    assert [call["op"] for call in kv_namespace.requests()] == ["keys"] * 10


async def test_one_change_without_a_list(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """Apply works from changes alone: one change is one bulk of one pair, and nothing is read."""
    edge = make_edge()
    wanted = await kit.run_pass(edge, kit.view({"a": "1"}), apply=False)
    kv_namespace.reset()
    assert await edge.apply(wanted.plan.changes, lambda *_: None) == {}
    assert [(call["op"], call["keys"]) for call in kv_namespace.requests()] == [("bulk", ["a"])]


async def test_values_for_showing(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """Old values come a hundred per call, 500 at most; what is gone or not text is left out."""
    kv_namespace.put_many({f"k{number:03}": f"v{number}" for number in range(600)})
    kv_namespace.put("bytes", b"\xff")
    edge = make_edge()
    shown = await edge.values(["bytes", "none", *(f"k{number:03}" for number in range(600))])
    assert len(shown) == 498
    assert shown["k007"] == b"v7"
    assert len(kv_namespace.requests("POST bulk/get")) == 5


async def test_token_file_is_read_again(make_edge: MakeEdge, kv_namespace: WorkersKV, tmp_path) -> None:
    """A token that was replaced in its file is used from the next call on."""
    file = tmp_path / "token"
    file.write_text("old\n")
    edge = make_edge(api_token_file=str(file))
    with pytest.raises(TargetError, match="HTTP 403"):
        await kit.run_pass(edge, kit.view({"a": "1"}))
    file.write_text(kv_namespace.token + "\n")
    assert (await kit.run_pass(edge, kit.view({"a": "1"}))).failed == {}
