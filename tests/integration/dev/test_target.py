"""syncd's own target keeps a namespace of the embedded KV server as it keeps a real one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from syncd.targets.cloudflare.target import CloudflareKv
from tests.unit.cloudflare import kit

if TYPE_CHECKING:
    from tests.integration.dev.conftest import Namespace

ODD = ["a/../b", "a//b", "%2e%2e", "a b?c#d&e=f", "ü/\U0001f600", '"\\', "k" * 512]


def target(kv: Namespace, **fields: object) -> CloudflareKv:
    """Return a target that remembers nothing, on a clock that does not wait."""
    place = {"account_id": kv.account, "namespace_id": kv.namespace, "base_url": f"{kv.url}/client/v4"}
    return kit.target(kit.config(**{**place, "api_token": kv.token, **fields}), kit.FakeClock())


@pytest.fixture
async def edge(kv: Namespace) -> AsyncIterator[CloudflareKv]:
    """A target on the namespace of the test."""
    made = target(kv)
    yield made
    await made.close()


def value(kv: Namespace, key: str) -> bytes:
    """Return one value as it is."""
    return kv("GET", f"values/{quote(key, safe='')}").body


async def test_push_change_delete_in_sync(kv: Namespace, edge: CloudflareKv) -> None:
    """Everything arrives once; then only what changed; a namespace in sync has an empty plan."""
    first = await kit.run_pass(edge, kit.view({"a": "1", "b": "2", "c": b"\x00\xff", "e": ""}))
    assert ([change.op for change in first.plan.changes], first.failed) == (["create"] * 4, {})
    assert [value(kv, key) for key in "abce"] == [b"1", b"2", b"\x00\xff", b""]
    second = await kit.run_pass(edge, kit.view({"a": "1", "b": "two", "c": b"\x00\xff"}))
    assert [(change.op, change.key) for change in second.plan.changes] == [("update", "b"), ("delete", "e")]
    fresh = target(kv)
    assert (await kit.run_pass(fresh, kit.view({"a": "1", "b": "two", "c": b"\x00\xff"}))).plan.in_sync
    await fresh.close()


async def test_foreign_pairs_survive(kv: Namespace, edge: CloudflareKv) -> None:
    """A pair of somebody else is a conflict where we want it, and left alone."""
    theirs = [{"key": key, "value": "kept", "metadata": {"o": "other"}} for key in ("a", "z")]
    kv.result("PUT", "bulk", theirs)
    done = await kit.run_pass(edge, kit.view({"a": "1", "b": "2"}))
    assert [(one.key, one.owner) for one in done.plan.conflicts] == [("a", "other")]
    assert [value(kv, key) for key in "abz"] == [b"kept", b"2", b"kept"]


async def test_odd_keys(kv: Namespace, edge: CloudflareKv) -> None:
    """Keys that would be dangerous in a path are keys like others."""
    done = await kit.run_pass(edge, kit.view(dict.fromkeys(ODD, "v")))
    assert done.failed == {}
    assert {row["name"] for row in kv.result("GET", "keys")} == set(ODD)
    assert (await kit.run_pass(edge, kit.view(dict.fromkeys(ODD, "v")))).plan.in_sync


async def test_several_bulks_and_pages(kv: Namespace, edge: CloudflareKv) -> None:
    """1,010 pairs: two bulks, two pages, and none left after they are not wanted any more."""
    wanted = {f"k{number:04}": "v" for number in range(1_010)}
    done = await kit.run_pass(edge, kit.view(wanted))
    assert done.progress == [(0, 1_010), (1_000, 1_010), (1_010, 1_010)]
    fresh = target(kv)
    assert (await kit.run_pass(fresh, kit.view(wanted))).plan.in_sync
    await kit.run_pass(fresh, kit.view({}))
    await fresh.close()
    assert kv.result("GET", "keys") == []


async def test_old_values_for_showing(kv: Namespace, edge: CloudflareKv) -> None:
    """Text comes back, what is missing or not text does not."""
    await kit.run_pass(edge, kit.view({"a": "1", "bytes": b"\xff"}))
    assert await edge.values(["a", "bytes", "none"]) == {"a": b"1"}
