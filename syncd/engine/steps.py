"""What a transaction does to one file, as the journal remembers it."""

import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from syncd.engine import files
from syncd.engine.backups import PART, Backups


@dataclass(frozen=True, slots=True)
class Step:
    """One file that is replaced, and what brings the old one back; `backup` is None where none was.

    `in_place`: it is mounted on its own; its backup is a copy in the state dir, and `mode`, `uid` and `gid` are those
    that the old file had.
    """

    path: str
    temporary: str
    backup: str | None
    digest: str
    in_place: bool = False
    mode: int = 0
    uid: int | None = None
    gid: int | None = None


def step_of(path: Path, present: files.Present | None, digest: str, backups: Backups) -> Step:
    """Return the step that gives the file at `path` a content with this digest.

    Raises:
        StateError: the state dir's mark cannot be kept.
    """
    in_place = present is not None and files.mounted(path)
    temporary, backup = backups.names(path, in_place=in_place)
    if present is None:
        return Step(str(path), str(temporary), None, digest)
    return Step(str(path), str(temporary), str(backup), digest, in_place, present.mode, present.uid, present.gid)


def step_back(path: Path, backup: Path) -> Step:
    """Return a step of which nothing is known but its backup; a mounted file keeps the mode and owner that it has."""
    unfinished = f"{backup}{PART}"
    if not files.mounted(path):
        return Step(str(path), unfinished, str(backup), "")
    present = path.stat()
    mode = stat.S_IMODE(present.st_mode)
    return Step(str(path), unfinished, str(backup), "", True, mode, present.st_uid, present.st_gid)


def proved(older: Sequence[Step], steps: Sequence[Step]) -> list[Step]:
    """Return the steps to undo where neither of two transactions is proved: the first backup of a file counts."""
    merged = {step.path: step for step in older}
    for step in steps:
        first = merged.get(step.path)
        merged[step.path] = step if first is None else replace(first, digest=step.digest)
    return list(merged.values())
