"""`PUT /v1/txn` for keys: all operations or none, with the errors of each. Pure."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from syncd.dev.consul_server.kv import KvStore
from syncd.dev.consul_server.records import Entry, Refused

MAX_OPS = 64
WRITE_VERBS = frozenset({"set", "cas", "delete", "delete-cas", "delete-tree"})


class KvOp(msgspec.Struct, frozen=True, rename="pascal"):
    """One operation as the client sends it; `index` is the ModifyIndex that cas, delete-cas and check-index compare."""

    verb: str
    key: str = ""
    value: bytes | None = None
    flags: int = 0
    index: int = 0


class TxnOp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One element of the request's list."""

    kv: KvOp = msgspec.field(name="KV")


class Failed(Exception):
    """One operation failed; the text says why, in Consul's words."""


def parse(body: bytes) -> list[KvOp]:
    """Return the operations of a request.

    Raises:
        Refused: 400 for what is not a list of operations on keys, 413 for more than `MAX_OPS`.
    """
    try:
        ops = [op.kv for op in msgspec.json.decode(body, type=list[TxnOp])]
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise Refused(400, f"Failed to parse body: {fault}") from fault
    if len(ops) > MAX_OPS:
        raise Refused(413, f"Transaction contains too many operations ({len(ops)} > {MAX_OPS})")
    return ops


def run(kv: KvStore, index: int, ops: Sequence[KvOp]) -> tuple[list[Entry], list[dict[str, Any]]]:
    """Carry out all operations, the later ones on what the earlier ones left.

    Returns:
        The results, and an error {OpIndex, What} for each that failed: with any error the caller must undo the writes.
    """
    results: list[Entry] = []
    errors: list[dict[str, Any]] = []
    for number, op in enumerate(ops):
        verb = _VERBS.get(op.verb)
        try:
            if verb is None:
                raise Failed(f'unknown KV verb "{op.verb}"')
            if not op.key and op.verb != "delete-tree":
                raise Failed("Must provide key")
            results.extend(verb(kv, index, op))
        except Failed as fault:
            errors.append({"OpIndex": number, "What": str(fault)})
    return results, errors


def _written(entry: Entry) -> list[Entry]:
    return [msgspec.structs.replace(entry, value=None)]  # the answer to a write does not repeat the value


def _set(kv: KvStore, index: int, op: KvOp) -> list[Entry]:
    return _written(kv.set(index, op.key, op.value or b"", op.flags))


def _cas(kv: KvStore, index: int, op: KvOp) -> list[Entry]:
    entry = kv.set_if(index, op.key, op.value or b"", op.flags, op.index)
    if entry is None:
        raise Failed(f'failed to set key "{op.key}", index is stale')
    return _written(entry)


def _get(kv: KvStore, index: int, op: KvOp) -> list[Entry]:
    _, entry = kv.get(op.key)
    if entry is None:
        raise Failed(f'key "{op.key}" doesn\'t exist')
    return [entry]


def _get_tree(kv: KvStore, index: int, op: KvOp) -> list[Entry]:
    return kv.tree(op.key)[1]


def _delete(kv: KvStore, index: int, op: KvOp) -> list[Entry]:
    kv.delete(index, op.key)
    return []


def _delete_cas(kv: KvStore, index: int, op: KvOp) -> list[Entry]:
    if not kv.delete_if(index, op.key, op.index):
        raise Failed(f'failed to delete key "{op.key}", index is stale')
    return []


def _delete_tree(kv: KvStore, index: int, op: KvOp) -> list[Entry]:
    kv.delete_tree(index, op.key)
    return []


def _check_index(kv: KvStore, index: int, op: KvOp) -> list[Entry]:
    _, entry = kv.get(op.key)
    if entry is None:
        raise Failed(f'failed to check index, key "{op.key}" doesn\'t exist')
    if entry.modify_index != op.index:
        raise Failed(f'failed index check for key "{op.key}", current modify index {entry.modify_index} != {op.index}')
    return _written(entry)


def _check_not_exists(kv: KvStore, index: int, op: KvOp) -> list[Entry]:
    if kv.get(op.key)[1]:
        raise Failed(f'key "{op.key}" exists')
    return []


_VERBS: dict[str, Callable[[KvStore, int, KvOp], list[Entry]]] = {
    "set": _set,
    "cas": _cas,
    "get": _get,
    "get-tree": _get_tree,
    "delete": _delete,
    "delete-cas": _delete_cas,
    "delete-tree": _delete_tree,
    "check-index": _check_index,
    "check-not-exists": _check_not_exists,
}
