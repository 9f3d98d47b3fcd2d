"""What goes over the wire: the JSON of Cloudflare's answers, pairs with their metadata, and bulks of them. Pure."""

import base64
from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar

import msgspec

from syncd.core.digest import sha256_hex
from syncd.core.model import FOREIGN, Entry

T = TypeVar("T")

BULK_PAIRS = 1_000
"""Cloudflare allows 10,000, and answered 524 at 5,000."""
BULK_BYTES = 90_000_000
"""Cloudflare allows 100 MB."""
GET_KEYS = 100
MAX_KEY_BYTES = 512
MAX_VALUE_BYTES = 25 * 1024 * 1024
MAX_METADATA_BYTES = 1_024
DIGEST_CHARS = 32
_HEX = frozenset("0123456789abcdef")


class ErrorItem(msgspec.Struct):
    """One of an answer's errors."""

    code: int = 0
    message: str = ""


class ResultInfo(msgspec.Struct):
    """Where a list goes on; an empty cursor is its end."""

    cursor: str | None = None


class Answer(msgspec.Struct, Generic[T]):
    """The envelope of every answer."""

    success: bool
    errors: list[ErrorItem] | None = None
    result: T | None = None
    result_info: ResultInfo | None = None


class Row(msgspec.Struct):
    """One key of a list."""

    name: str
    metadata: Any = None


class BulkResult(msgspec.Struct):
    """What became of a bulk."""

    unsuccessful_keys: list[str] | None = None


class Values(msgspec.Struct):
    """Contents by key; None where there is no such key."""

    values: dict[str, Any] | None = None


class Metadata(msgspec.Struct):
    """What is written beside every value: owner, digest, ModifyIndex."""

    o: str
    h: str
    mi: int


class _Pair(msgspec.Struct, omit_defaults=True):
    key: str
    value: str
    metadata: Metadata
    base64: bool = False


def digest(value: bytes) -> str:
    """Return what the metadata holds of a value: the first 32 hex characters of its SHA-256."""
    return sha256_hex(value)[:DIGEST_CHARS]


def shown(value: bytes) -> str:
    """Return a value as the API shows it: as text, without a byte order mark, with signs for what is none."""
    return value.decode(errors="replace").removeprefix("\ufeff")


def metadata_bytes(owner: str) -> int:
    """Return how long the metadata of any pair of `owner` can get, as JSON."""
    return len(msgspec.json.encode(Metadata(owner, "0" * DIGEST_CHARS, 2**63 - 1)))


def present(row: Row, owner: str, owner_was: Iterable[str]) -> Entry:
    """Return the entry that a listed key stands for.

    One that an earlier name of ours owns is ours, without a digest: it differs from whatever is wanted, so that it is
    written again under today's name. So does one of ours whose digest is not one.
    """
    marks = row.metadata
    if marks is None:
        return Entry(row.name, "", owner=None)
    found = marks.get("o") if isinstance(marks, dict) else None
    if not isinstance(found, str):
        return Entry(row.name, "", owner=FOREIGN)
    noted = marks.get("h")
    if not (isinstance(noted, str) and len(noted) == DIGEST_CHARS and _HEX.issuperset(noted)):
        noted = ""
    if found != owner and found in owner_was:
        return Entry(row.name, "", owner=owner)
    return Entry(row.name, noted, owner=found)


def pair(entry: Entry, owner: str) -> bytes:
    """Return the JSON of a wanted entry for a bulk write; what is not text, or is shorter so, travels as base64."""
    value = entry.content or b""
    index = entry.origins[0].modify_index if entry.origins else 0
    metadata = Metadata(owner, entry.digest, index)
    try:
        encoded = msgspec.json.encode(_Pair(entry.key, value.decode(), metadata))
        if len(encoded) <= 2 * len(value) + MAX_KEY_BYTES + MAX_METADATA_BYTES:
            return encoded
    except UnicodeDecodeError:
        pass
    return msgspec.json.encode(_Pair(entry.key, base64.b64encode(value).decode(), metadata, True))


def bulks(items: Iterable[tuple[str, bytes]]) -> Iterator[dict[str, bytes]]:
    """Cut (key, JSON) into bulks that the API takes, in order; each is made only when it is asked for."""
    bulk: dict[str, bytes] = {}
    size = 0
    for key, encoded in items:
        if bulk and (len(bulk) == BULK_PAIRS or size + len(encoded) > BULK_BYTES):
            yield bulk
            bulk, size = {}, 0
        bulk[key] = encoded
        size += len(encoded) + 1
    if bulk:
        yield bulk
