"""Bulks, pairs, and how listed metadata is read."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.model import FOREIGN, Entry, Item
from syncd.targets.cloudflare import wire


def test_bulks_are_cut_by_count_and_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """No bulk has more pairs or bytes than the API takes; one big pair goes alone."""
    monkeypatch.setattr(wire, "BULK_PAIRS", 3)
    monkeypatch.setattr(wire, "BULK_BYTES", 10)
    sizes = [1, 1, 1, 1, 9, 20, 4, 4]
    cut = [list(bulk) for bulk in wire.bulks((str(at), b"x" * size) for at, size in enumerate(sizes))]
    assert cut == [["0", "1", "2"], ["3"], ["4"], ["5"], ["6", "7"]]
    assert list(wire.bulks([])) == []


@given(st.binary(max_size=300))
def test_every_value_survives_its_encoding(value: bytes) -> None:
    """What is sent stands for exactly the bytes that are wanted."""
    sent = msgspec.json.decode(wire.pair(Entry("k", wire.digest(value), value, origins=(Item("k", value, 5),)), "me"))
    back = base64.b64decode(sent["value"]) if sent.get("base64") else sent["value"].encode()
    assert back == value
    assert sent["metadata"] == {"o": "me", "h": wire.digest(value), "mi": 5}


def test_text_that_json_would_blow_up_travels_as_base64() -> None:
    """25 MiB of control characters stay under the API's 100 MB."""
    assert len(wire.pair(Entry("k", "", b"\0" * 1_000_000), "me")) < 1_500_000


@pytest.mark.parametrize(
    ("metadata", "owner", "digest"),
    [
        (None, None, ""),
        ({}, FOREIGN, ""),
        ([], FOREIGN, ""),
        ("me", FOREIGN, ""),
        ({"o": 1}, FOREIGN, ""),
        ({"o": "other", "h": "0" * 32}, "other", "0" * 32),
        ({"o": "me", "h": "0" * 32, "mi": 1}, "me", "0" * 32),
        ({"o": "me", "h": "0" * 31}, "me", ""),
        ({"o": "me", "h": ["0"] * 32}, "me", ""),
        ({"o": "me"}, "me", ""),
        ({"o": "old", "h": "0" * 32}, "me", ""),
    ],
)
def test_whose_a_listed_pair_is(metadata: Any, owner: str | None, digest: str) -> None:
    """Ours, another's, nobody's, or somebody's who is not a syncd."""
    entry = wire.present(wire.Row("k", metadata), "me", ("old",))
    assert (entry.owner, entry.digest) == (owner, digest)
