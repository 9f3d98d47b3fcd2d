"""The smallest plan from what is to what should be. Pure."""

from collections.abc import Mapping

from syncd.core.model import FOREIGN, Change, Conflict, Desired, Entry, Plan


def diff(
    target: str, kind: str, desired: Desired, current: Mapping[str, Entry], *, owner: str, adopt: bool = False
) -> Plan:
    """Return the smallest plan that turns `current` into `desired`.

    Args:
        desired: entry key -> entry the target must hold, and what cannot be had.
        current: entry key -> entry it holds now; digests are enough.
        owner: our owner id; a wanted entry of another becomes a conflict.
        adopt: take over wanted entries that nobody claims.

    Returns:
        Plan in key order, deletes last, so that a reader never sees a gap. Never raises: conflicts and faults are part
        of it. A target that could not be rendered has no changes.

    Pure. O(n log n) for n keys.
    """
    owned = sum(1 for entry in current.values() if entry.owner == owner)
    changes: list[Change] = []
    conflicts: list[Conflict] = []
    if desired.error is None:
        for key, wanted in sorted(desired.entries.items()):
            found = _wanted(wanted, current.get(key), owner=owner, adopt=adopt)
            if isinstance(found, Conflict):
                conflicts.append(found)
            elif found is not None:
                changes.append(found)
        keep = desired.entries.keys() | desired.protect
        changes.extend(
            Change("delete", key, entry.digest, None, sensitive=entry.sensitive)
            for key, entry in sorted(current.items())
            if entry.owner == owner and key not in keep
        )
    return Plan(
        target=target,
        kind=kind,
        changes=tuple(changes),
        conflicts=tuple(conflicts),
        faults=tuple(sorted(desired.faults, key=lambda fault: fault.key)),
        missing_keys=tuple(sorted(desired.missing)),
        owned=owned,
        error=desired.error,
    )


def _wanted(wanted: Entry, found: Entry | None, *, owner: str, adopt: bool) -> Change | Conflict | None:
    if found is None:
        return Change("create", wanted.key, None, wanted.digest, sensitive=wanted.sensitive, entry=wanted)
    note, adopted = "", False
    if found.owner != owner:
        if found.owner is not None or not adopt:
            return Conflict(wanted.key, _named(found.owner), _whose(found.owner))
        note, adopted = "taken over: nobody claims it", True
    elif found.digest == wanted.digest:
        note = _drift(wanted, found)
        if not note:
            return None
    sensitive = wanted.sensitive or found.sensitive
    return Change(
        "update", wanted.key, found.digest, wanted.digest, sensitive=sensitive, note=note, adopted=adopted, entry=wanted
    )


def _drift(wanted: Entry, found: Entry) -> str:
    """Say what differs beside the content, "" where nothing does; what is not wanted is not compared."""
    notes = []
    if wanted.mode is not None and wanted.mode != found.mode:
        notes.append(f"mode {found.mode or 0:04o} → {wanted.mode:04o}")
    if wanted.uid is not None and wanted.uid != found.uid:
        notes.append(f"user {found.uid} → {wanted.uid}")
    if wanted.gid is not None and wanted.gid != found.gid:
        notes.append(f"group {found.gid} → {wanted.gid}")
    return ", ".join(notes)


def _named(owner: str | None) -> str | None:
    return None if owner == FOREIGN else owner


def _whose(owner: str | None) -> str:
    if owner is None:
        return "exists and nobody claims it; remove it, or take it over with adopt: true"
    if owner == FOREIGN:
        return "exists and carries marks that are not syncd's; remove it or stop wanting it"
    return f"belongs to owner '{owner}'; stop wanting it here, or let that owner give it up"
