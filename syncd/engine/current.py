"""What a file target holds now, whose it is, and how its change may be shown."""

import grp
import pwd
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from syncd.core.errors import TargetError
from syncd.core.linediff import masked_diff
from syncd.core.model import Change, Desired, Entry, Plan
from syncd.engine import files
from syncd.engine.journal import Written
from syncd.targets.base import FileTarget, FileTargetConfig

_PRIVATE, _PUBLIC = 0o600, 0o644


@dataclass(frozen=True, slots=True)
class FileState:
    """One file target's place on disk: where it really is, what is there, what should be."""

    path: Path
    present: files.Present | None
    wanted: files.Wanted | None
    desired: Desired
    """What is wanted, with the mode and owner that the file should have."""


def look(target: FileTarget, desired: Desired, base_dir: Path, interrupted: Mapping[str, Path | None]) -> FileState:
    """Return the state of a target's file.

    Args:
        interrupted: files that a killed pass left, and where their old content is.

    Raises:
        TargetError: what is there is not a readable regular file, or user or group do not exist.
    """
    config = target.config
    path = files.real(base_dir / config.path)
    source = interrupted.get(str(path), path)
    present = files.read(source) if source is not None else None
    wanted = None
    entry = next(iter(desired.entries.values()), None)
    if entry is not None:
        uid, gid = _uid(config), _gid(config)
        usual = _PRIVATE if entry.sensitive else _PUBLIC
        mode = config.mode if config.mode is not None else usual if entry.mode is None else entry.mode
        entry = replace(entry, mode=mode, uid=uid, gid=gid)
        wanted = files.Wanted(path, entry.content or b"", mode, uid, gid, entry.sensitive)
        desired = replace(desired, entries={entry.key: entry})
    return FileState(path, present, wanted, desired)


def current_entry(
    target: FileTarget, state: FileState, written: Written | None, *, owner: str, owner_was: tuple[str, ...]
) -> Entry | None:
    """Return the present file as an entry with its owner, None where there is no file.

    A file is ours if it says so itself, if the journal says so, or if it holds what we want anyway.
    """
    present = state.present
    if present is None:
        return None
    key = target.config.path
    named = target.owner_of(present.content)
    wanted = state.desired.entries.get(key)
    if named is not None:
        whose: str | None = owner if named in (owner, *owner_was) else named
    elif written is not None or (wanted is not None and wanted.digest == present.digest):
        whose = owner
    else:
        whose = None
    return Entry(
        key,
        present.digest,
        owner=whose,
        sensitive=written.sensitive if written else False,
        mode=present.mode,
        uid=present.uid,
        gid=present.gid,
    )


def with_diff(plan: Plan, target: FileTarget, state: FileState, written: Written | None) -> Plan:
    """Return the plan with its unified diff, or with a note where the contents must not be shown."""
    if not plan.changes:
        return plan
    change = plan.changes[0]
    wanted = state.desired.entries[change.key]
    new = state.desired.masked if wanted.sensitive else _text(wanted.content or b"")
    old = _shown_before(target, state, written)
    if change.old_digest == change.new_digest:
        return plan
    if old is None and written is None:
        return _noted(plan, change, f"replaces a file that is not ours, with {_lines(state)} that are not shown")
    if new is None or old is None:
        return _noted(plan, change, "contents not shown: they may hold sensitive values, or are not text")
    before = state.present.content if state.present is not None else b""
    names = (change.key if state.present else "/dev/null", change.key)
    diff = masked_diff(names, (before, old), (wanted.content or b"", new))
    if not diff:
        return _noted(plan, change, "only sensitive values differ")
    return replace(plan, diff=diff)


def _noted(plan: Plan, change: Change, note: str) -> Plan:
    both = ", ".join(part for part in (change.note, note) if part)
    return replace(plan, changes=(replace(change, note=both),))


def _shown_before(target: FileTarget, state: FileState, written: Written | None) -> str | None:
    present = state.present
    if present is None:
        return ""
    # What we never wrote may hold anything, and a plan ends up in a pull request.
    was_sensitive = written is None or written.sensitive
    if written is not None and was_sensitive and written.digest == present.digest and written.masked is not None:
        return written.masked
    return target.mask(present.content, state.desired, was_sensitive=was_sensitive)


def _lines(state: FileState) -> str:
    content = state.present.content if state.present is not None else b""
    count = content.count(b"\n") + (not content.endswith(b"\n"))
    return "1 line" if count == 1 else f"{count} lines"


def _text(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _uid(config: FileTargetConfig) -> int | None:
    if config.user is None or isinstance(config.user, int):
        return config.user
    try:
        return int(config.user) if config.user.isdecimal() else pwd.getpwnam(config.user).pw_uid
    except KeyError as error:
        raise TargetError(f"{config.path}: user '{config.user}' does not exist here; change user") from error


def _gid(config: FileTargetConfig) -> int | None:
    if config.group is None or isinstance(config.group, int):
        return config.group
    try:
        return int(config.group) if config.group.isdecimal() else grp.getgrnam(config.group).gr_gid
    except KeyError as error:
        raise TargetError(f"{config.path}: group '{config.group}' does not exist here; change group") from error
