"""Reads of many keys in one transaction: what the URL of a single read cannot name, and proofs in bulk."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from syncd.consul import answers
from syncd.consul.answers import Pair, Reply
from syncd.consul.transport import Answer, Api

MAX_OPS = 64
"""The most operations in one transaction; newer versions take 128."""


class _Fault(msgspec.Struct, rename="pascal"):
    op_index: int
    what: str


class _Result(msgspec.Struct):
    pair: Pair = msgspec.field(name="KV")


class _Body(msgspec.Struct, rename="pascal"):
    results: list[_Result] | None
    errors: list[_Fault] | None


_decoder = msgspec.json.Decoder(_Body)


@dataclass(frozen=True, slots=True)
class Found:
    """What one transaction of reads says: keys proved not to exist, and, where none of them is, those that do.

    A transaction looks first and applies the token's rights afterwards, so that "doesn't exist" is the truth; a hidden
    key just has no result. Where Consul says that it filtered, nothing is taken as proved.
    """

    missing: frozenset[str]
    pairs: Mapping[str, Pair]


async def read(api: Api, keys: Sequence[str]) -> Reply[Found]:
    """Return what a transaction says about at most `MAX_OPS` keys.

    Raises:
        PermissionDenied, NotConsul: it was not carried out; a proxy may let no PUT through.
        Unreachable, SourceDenied: as every read.
    """
    params = [("consistent", "1")]
    if api.dc:
        params.append(("dc", api.dc))
    operations = [{"KV": {"Verb": "get", "Key": key}} for key in keys]
    # python-consul2's own txn.put takes no parameters.
    answer: Answer = await api.http.put(None, "/v1/txn", params, json.dumps(operations))
    if answer.status not in (200, 409):
        answers.refuse(answer)
    body = answers.decoded(answer, _decoder)
    reply = Reply(answer.status, 0, answer.headers, Found(frozenset(), {}))
    missing = frozenset() if reply.filtered else _missing(keys, body.errors or ())
    pairs = {result.pair.key: result.pair for result in body.results or ()}
    return Reply(answer.status, 0, answer.headers, Found(missing, pairs))


def _missing(keys: Sequence[str], faults: Sequence[_Fault]) -> frozenset[str]:
    """Return the keys whose fault is that they do not exist; any other fault proves nothing."""
    return frozenset(
        keys[fault.op_index]
        for fault in faults
        if 0 <= fault.op_index < len(keys) and fault.what.endswith("doesn't exist")
    )
