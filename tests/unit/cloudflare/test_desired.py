"""What a target wants, and what it says of keys that Workers KV would not take."""

from __future__ import annotations

import pytest

from syncd.core.digest import sha256_hex
from syncd.core.model import Item, Need
from syncd.core.snapshot import NeedMore, Snapshot, View
from syncd.targets.cloudflare import desired as wants
from tests.unit.cloudflare import kit


def test_entries_carry_digest_content_and_origin() -> None:
    """The key is prefixed; digest, content and origin come from the item that won."""
    item = Item("a", b"1", 9, layer="env/production")
    source = View(Snapshot(items={"a": item}, covers=frozenset({Need("folder", "")})))
    found = wants.desired(kit.config(keys=["a"], key_prefix="p/"), source, kit.OWNER)
    entry = found.entries["p/a"]
    assert (entry.digest, entry.content) == (sha256_hex(b"1")[:32], b"1")
    assert entry.origins == (item,)


def test_missing_exact_key_is_a_fault_and_protects_its_pair() -> None:
    """An exact key without a value is missing, and its pair is kept; a glob may match nothing."""
    found = wants.desired(kit.config(keys=["a", "none/*", "b"], key_prefix="p/"), kit.view({"b": ""}), kit.OWNER)
    assert (found.missing, found.protect) == (("a",), frozenset({"p/a"}))
    assert list(found.entries) == ["p/b"]


def test_overlapping_patterns_want_a_key_once() -> None:
    """A key that two patterns name is one pair; pairs are in key order."""
    found = wants.desired(kit.config(keys=["b", "**", "a*"]), kit.view({"b": "1", "a1": "2"}), kit.OWNER)
    assert list(found.entries) == ["a1", "b"]


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("k" * 513, b"", "key is 513 bytes, Workers KV allows 512"),
        ("ü" * 300, b"", "key is 600 bytes, Workers KV allows 512"),
        ("..", b"", "key '..' is not allowed by Workers KV; rename it, or set key_prefix"),
        ("\ud800", b"", "key is not valid Unicode, which Workers KV needs"),
        ("v", b"x" * (25 * 1024 * 1024 + 1), "value is 26,214,401 bytes, Workers KV allows 26,214,400 (25 MiB)"),
    ],
)
def test_what_the_api_would_refuse_is_a_fault_of_the_key(key: str, value: bytes, why: str) -> None:
    """Such a key is not sent, its pair is kept, and the rest goes out."""
    found = wants.desired(kit.config(), kit.view({key: value, "fine": "1"}), kit.OWNER)
    assert [(fault.key, fault.why) for fault in found.faults] == [(key, why)]
    assert (list(found.entries), found.protect) == (["fine"], frozenset({key}))


def test_limits_themselves_are_fine() -> None:
    """512 bytes of key and 25 MiB of value are allowed; a prefix makes `..` a key like others."""
    values = {"k" * 510: b"", "v": b"x" * (25 * 1024 * 1024), "..": b""}
    found = wants.desired(kit.config(key_prefix="p/"), kit.view(values), kit.OWNER)
    assert (found.faults, len(found.entries)) == ((), 3)


def test_sensitive_keys_are_refused() -> None:
    """A sensitive key is a fault and its pair is not deleted silently; its value is in no text."""
    found = wants.desired(kit.config(), kit.view({"secrets/db": "hunter2", "a": "1"}, "secrets/db"), kit.OWNER)
    assert [fault.key for fault in found.faults] == ["secrets/db"]
    assert "allow_sensitive: true" in found.faults[0].why
    assert found.protect == frozenset({"secrets/db"})
    assert "hunter2" not in repr(found)


def test_sensitive_keys_may_be_allowed() -> None:
    """With allow_sensitive they are pairs like others, marked sensitive."""
    found = wants.desired(kit.config(allow_sensitive=True), kit.view({"secrets/db": "x"}, "secrets/db"), kit.OWNER)
    assert (found.faults, found.entries["secrets/db"].sensitive) == ((), True)


def test_owner_that_does_not_fit_into_metadata() -> None:
    """An owner too long for the metadata stops the target before anything is sent."""
    found = wants.desired(kit.config(), kit.view({"a": "1"}), "o" * 1_000)
    assert (found.entries, found.error and "Workers KV allows 1,024" in found.error) == ({}, True)


def test_needs_are_known_before_anything_is_read() -> None:
    """Exact keys alone, globs by their fixed folder; what is not covered is asked for."""
    settings = kit.config(keys=["a/b", "config/domains/*", "x/y*/**"])
    assert wants.needs(settings) == {Need("key", "a/b"), Need("folder", "config/domains/"), Need("folder", "x/")}
    with pytest.raises(NeedMore):
        wants.desired(settings, View(Snapshot()), kit.OWNER)


@pytest.mark.parametrize(
    ("entry_key", "source_key"),
    [("p/a", "a"), ("p/g/x", "g/x"), ("p/g/x/y", None), ("a", None), ("p/other", None)],
)
def test_source_key_of_an_entry(entry_key: str, source_key: str | None) -> None:
    """Only what `keys` still names has a source key."""
    assert wants.source_key(kit.config(keys=["a", "g/*"], key_prefix="p/"), entry_key) == source_key
