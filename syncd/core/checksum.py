"""The checksum of a plan, and digests of sensitive values that can be published. Pure."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping

from syncd.core.model import Change, Plan

_COMPARED = 32
"""Characters of a digest that count: all that Workers KV's metadata holds."""


def seal(digest: str | None, key: bytes | None) -> str | None:
    """Return what may be published of a sensitive value's digest: its HMAC-SHA256, None without a key."""
    if digest is None or key is None:
        return None
    return hmac.new(key, digest[:_COMPARED].encode(), hashlib.sha256).hexdigest()


def key_id(key: bytes) -> str:
    """Return 16 characters that name a plan key without telling it."""
    return hmac.new(key, b"syncd plan key", hashlib.sha256).hexdigest()[:16]


def plan_checksum(plans: Iterable[Plan], *, fingerprint: str, templates: Mapping[str, str]) -> str:
    """Return `sha256:…` over config, templates and every (target, op, key, old digest, new digest).

    What stands in a plan's way counts too, so that a plan that turned unsafe is another plan. The Consul index does
    not: an unrelated write changes nothing. Digests of sensitive values must be sealed already.
    """
    parts = [fingerprint, sorted(templates.items()), [_plan(plan) for plan in plans]]
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _plan(plan: Plan) -> list[object]:
    changes = [_change(change) for change in plan.changes]
    obstacles = [plan.error, plan.missing_keys, plan.held, plan.unsafe]
    faults = [[fault.key, fault.why] for fault in plan.faults]
    return [plan.target, changes, obstacles, faults, [[one.key, one.owner] for one in plan.conflicts]]


def _change(change: Change) -> list[str | None]:
    digests = [digest and digest[:_COMPARED] for digest in (change.old_digest, change.new_digest)]
    return [change.op, change.key, *digests, change.note]
