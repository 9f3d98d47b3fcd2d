"""A pass as the JSON of contract.md §4."""

from typing import Any

from syncd.core.digest import sha256_hex
from syncd.core.model import OPS, Change
from syncd.core.report.lines import reason
from syncd.core.report.model import PassResult, TargetResult

_WHOLE = 64
"""Characters of a SHA-256."""


def document(result: PassResult, *, hide_values: bool = False) -> dict[str, Any]:
    """Return the plan or, with outcomes, the report of a pass as JSON types.

    `old`, `new` and `diff` are null with `hide_values`, which hides what commands printed too, and always for what is
    sensitive.
    """
    found: dict[str, Any] = {
        "version": 1,
        "owner": result.owner,
        "consul_index": result.consul_index,
        "checksum": result.checksum,
        "in_sync": result.in_sync,
        "targets": [_target(one, hide_values) for one in result.targets],
        "reloads": [
            {"reload": one.reload, "state": one.state, "error": _reason(one.error, hide_values)}
            for one in result.reloads
        ],
        "orphans": [{"target": one.target, "kind": one.kind, "what": one.what} for one in result.orphans],
    }
    return found


def _target(result: TargetResult, hide_values: bool) -> dict[str, Any]:
    plan = result.plan
    found: dict[str, Any] = {
        "target": plan.target,
        "kind": plan.kind,
        "in_sync": plan.in_sync,
        "safe": not plan.unsafe,
        "error": _reason(result.error or plan.error, hide_values),
        "missing_keys": list(plan.missing_keys),
        "held": list(plan.held),
        "unsafe": list(plan.unsafe),
        "warnings": list(plan.warnings),
        "counts": {op: plan.count(op) for op in OPS},
        "changes": [_change(change, hide_values) for change in plan.changes],
        "conflicts": [{"key": one.key, "owner": one.owner, "why": one.why} for one in plan.conflicts],
        "faults": [{"key": one.key, "why": one.why} for one in plan.faults],
        "diff": None if hide_values else plan.diff,
    }
    if result.outcome is not None:
        found["outcome"] = result.outcome
    return found


def _reason(error: str | None, hide_values: bool) -> str | None:
    return None if error is None else reason(error, hide_values)


def _change(change: Change, hide_values: bool) -> dict[str, Any]:
    content = change.entry.content if change.entry is not None and not change.sensitive else None
    return {
        "op": change.op,
        "key": change.key,
        "old_sha256": _full(change.old_digest, None if change.old is None else change.old.encode()),
        "new_sha256": _full(change.new_digest, content),
        "old": None if hide_values else change.old,
        "new": None if hide_values else change.new,
        "sensitive": change.sensitive,
        "note": change.note or None,
    }


def _full(digest: str | None, content: bytes | None) -> str | None:
    """Return a whole digest or none: of a pair that was not read Workers KV tells half of one."""
    if content is not None:
        return sha256_hex(content)
    return digest if digest is not None and len(digest) == _WHOLE else None
