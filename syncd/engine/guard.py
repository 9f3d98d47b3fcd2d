"""The vanish guard: nothing that we keep is given up because a read did not show its key.

Before a plan that follows from vanished keys is applied, the source is asked for exactly those keys, once and
consistently. Proved gone: go on. Hidden, unknown or there after all: the target is held and keeps what it has.
"""

from collections.abc import Mapping
from dataclasses import replace

from syncd.core import globs
from syncd.core.model import Need, Plan
from syncd.core.templating import CATALOG
from syncd.engine.journal import Inputs
from syncd.engine.reading import Rendered, is_file
from syncd.sources.base import Presence, Source

_SHOWN = 3


async def guarded(
    plan: Plan, rendered: Rendered, before: Inputs, source: Source, *, layer: str, allow_empty: bool
) -> Plan:
    """Return the plan, held or unsafe where what it follows from is not proved.

    Args:
        before: what the last applied rendering read.
        layer: the overlay's folder without its last slash, "" for none.
        allow_empty: let a source that is proved empty empty the target.
    """
    held = list(plan.held)
    if rendered.hidden is not None:
        held.append(rendered.hidden_why)
    expect = rendered.target.config.expect
    if expect is not None and len(rendered.desired.entries) < expect.min_entries and not plan.error:
        wanted = len(rendered.desired.entries)
        held.append(
            f"it would hold {wanted}, and expect.min_entries is {expect.min_entries}; "
            "see whether the token may read all keys, or lower it"
        )
    if plan.changes:
        held += _lost_services(rendered, before)
    if plan.changes or plan.missing_keys:
        vanished = _vanished(plan, rendered, before, layer)
        if vanished:
            said = await source.confirm(sorted(vanished))
            held += _unproved(said)
            plan = replace(plan, missing_keys=tuple(key for key in plan.missing_keys if _gone(key, layer, said)))
            if plan.changes and not (held or plan.unsafe or allow_empty) and _emptied(rendered, before):
                reason = "the source is proved empty: none of the keys it was made from is left"
                plan = replace(plan, unsafe=(*plan.unsafe, f"{reason} (limits.allow_empty is false)"))
    return replace(plan, held=tuple(held))


def _gone(key: str, layer: str, said: Mapping[str, Presence]) -> bool:
    """Return True where nothing speaks against it that a missing key is really missing."""
    return all(said.get(one, Presence.GONE) is Presence.GONE for one in (key, f"{layer}/{key}"))


def _lost_services(rendered: Rendered, before: Inputs) -> list[str]:
    lost = [
        use
        for use in rendered.desired.services
        if not use.count and not use.allow_empty and before.services.get(use.name)
    ]
    return [
        "the catalog listed services and lists none now; keeping what was made from them"
        if use.name == CATALOG
        else f"service '{use.name}' had {_instances(before.services[use.name])} and has none in that state now; "
        "keeping the last ones (service(..., allow_empty=True) lets it go)"
        for use in lost
    ]


def _instances(count: int) -> str:
    return "1 instance" if count == 1 else f"{count} instances"


def _vanished(plan: Plan, rendered: Rendered, before: Inputs, layer: str) -> set[str]:
    """Return the source keys, overlay folder included, whose absence this plan follows from."""
    found: set[str] = set()
    target = rendered.target
    if not is_file(target):
        for change in plan.changes:
            key = target.source_key(change.key) if change.op == "delete" else None
            if key is not None:
                found |= {key, f"{layer}/{key}"} if layer else {key}
    if before == rendered.inputs:
        return found
    for key, was in before.keys.items():
        now = rendered.inputs.keys.get(key)
        if now is None and _still_read(key, rendered.reads):
            found |= {key, f"{was}/{key}"} if was else {key}
        elif now is not None and was and not now and was == layer:
            found.add(f"{was}/{key}")
    return found


def _still_read(key: str, reads: frozenset[Need]) -> bool:
    return Need("key", key) in reads or any(Need("folder", folder) in reads for folder in globs.folders_above(key))


def _unproved(answers: Mapping[str, Presence]) -> list[str]:
    why = {
        Presence.HIDDEN: "the token may not read it any more; give it key read rights",
        Presence.PRESENT: "a read of the key itself shows it; the source is not consistent yet",
        Presence.UNKNOWN: "whether it is gone cannot be proved now",
    }
    reasons = []
    for presence, words in why.items():
        keys = [key for key, answer in answers.items() if answer is presence]
        if keys:
            shown = ", ".join(f"'{key}'" for key in keys[:_SHOWN])
            more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
            reasons.append(f"{shown}{more} vanished from the source, but {words}")
    return reasons


def _emptied(rendered: Rendered, before: Inputs) -> bool:
    return bool(before.keys) and not rendered.inputs.keys
