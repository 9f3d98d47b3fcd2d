"""From an HTTP answer to typed data, or to the error that says why it cannot be believed.

The order matters: the status first, then the index, then the shape. An answer that Consul would not give is never taken
for an empty source.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Generic, NoReturn, TypeVar

import msgspec

from syncd.consul.failures import PermissionDenied, Unreachable, not_consul
from syncd.consul.transport import Answer
from syncd.core.errors import NotConsul, SourceDenied

MAX_INDEX = 2**63 - 1
"""Raft counts up from 1, one per write: no real index comes near."""

T = TypeVar("T")
Count = Annotated[int, msgspec.Meta(ge=1, le=MAX_INDEX)]


class Pair(msgspec.Struct, frozen=True, gc=False):
    """One key of the KV store; an empty value arrives as null."""

    key: str = msgspec.field(name="Key")
    modify_index: Count = msgspec.field(name="ModifyIndex")
    value: bytes | None = msgspec.field(name="Value")


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """A believable answer: status 200 or 404, its index (0 for a transaction, which has none), its data."""

    status: int
    index: int
    headers: Mapping[str, str]
    data: T

    @property
    def filtered(self) -> bool:
        """True where Consul (1.11 or newer) says that it left out what the token may not see."""
        return self.headers.get("X-Consul-Results-Filtered-By-ACLs", "").lower() == "true"


_pairs = msgspec.json.Decoder(list[Pair])


def one_pair(answer: Answer, key: str) -> Reply[Pair | None]:
    """Return the answer to a read of one key; None is proved to be missing. Raises as `believable`."""
    index = believable(answer, missing=True)
    if answer.status == 404:
        return Reply(404, index, answer.headers, None)
    pairs = decoded(answer, _pairs)
    if len(pairs) != 1 or pairs[0].key != key:
        raise odd(answer, f"{len(pairs)} keys where it was asked for one")
    return Reply(200, index, answer.headers, pairs[0])


def many_pairs(answer: Answer, folder: str) -> Reply[list[Pair]]:
    """Return the answer to a recursive read; 404 with an index is an empty folder. Raises as `believable`."""
    index = believable(answer, missing=True)
    if answer.status == 404:
        return Reply(404, index, answer.headers, [])
    pairs = decoded(answer, _pairs)
    if not pairs:
        raise odd(answer, "an empty list")  # Consul answers 404 where there is no key
    names = [pair.key for pair in pairs]
    # What is between two names that begin with the folder begins with it, too.
    if not (min(names).startswith(folder) and max(names).startswith(folder)):
        raise odd(answer, f"keys that are not below {folder}")
    return Reply(200, index, answer.headers, pairs)


def listing(answer: Answer, decoder: msgspec.json.Decoder[T]) -> Reply[T]:
    """Return the answer to a read that always finds something, if only an empty list. Raises as `believable`."""
    index = believable(answer)
    return Reply(200, index, answer.headers, decoded(answer, decoder))


def believable(answer: Answer, *, missing: bool = False) -> int:
    """Return the index of an answer with status 200, or 404 where `missing` is an answer.

    Raises:
        Unreachable: 5xx or 429.
        SourceDenied: the token is refused as a whole.
        PermissionDenied: the token may not read this path.
        NotConsul: another status, or no index that Consul would give.
    """
    if answer.status != 200 and not (missing and answer.status == 404):
        refuse(answer)
    text = answer.headers.get("X-Consul-Index", "")
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and 1 <= int(text) <= MAX_INDEX):
        raise odd(answer, f"X-Consul-Index {text[:30]!a}" if text else "no X-Consul-Index")
    return int(text)


def refuse(answer: Answer) -> NoReturn:
    """Raise what a status other than 200 and 404 means; see `believable`."""
    if answer.status == 429 or 500 <= answer.status < 600:
        raise Unreachable(answer.label, f"answered {answer.status}{_said(answer)}", "look at its log")
    if answer.status == 401 or (answer.status == 403 and b"ACL not found" in answer.body):
        raise SourceDenied(
            f"Consul at {answer.label} does not know the token (ACL not found); "
            "check consul.token or consul.token_file: it is wrong, expired or deleted"
        )
    if answer.status == 403:
        raise PermissionDenied(f"Consul at {answer.label} denies {answer.url}; grant the token's policy read on it")
    raise odd(answer, "a redirect, which is never followed" if 300 <= answer.status < 400 else "")


def decoded(answer: Answer, decoder: msgspec.json.Decoder[T]) -> T:
    """Return the decoded body.

    Raises:
        NotConsul: not JSON, or not of the shape that Consul gives.
    """
    if not answer.headers.get("Content-Type", "").startswith("application/json"):
        raise odd(answer, "")
    try:
        return decoder.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Not chained: the library's words may quote the body, which holds values.
        raise odd(answer, "null" if answer.body.strip() == b"null" else "JSON of another shape") from None


def odd(answer: Answer, seen: str) -> NotConsul:
    """Return the error for an answer that Consul would not give; the body is not quoted, it may hold anything."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0][:40]
    words = [f"{answer.status}", f"with {kind}" if kind.isprintable() and kind else "without a content type"]
    return not_consul(answer.url, " ".join(words) + (f", {seen}" if seen else ""))


def _said(answer: Answer) -> str:
    """Return Consul's own few words, such as `: No cluster leader`, "" where the body is something else."""
    if not answer.headers.get("Content-Type", "").startswith("text/plain"):
        return ""
    words = answer.body[:120].decode("utf-8", "replace").strip()
    return f" ({words})" if words and words.isprintable() else ""
