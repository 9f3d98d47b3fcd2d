"""The transaction of a reload group: all its files are replaced and checked, or all are as they were.

1. intent, committed to the journal; 2. backups and temporary files; 3. renames, folder fsync; 4. check; 5. one commit:
new digests, reload owed. Recovery has one rule: an intent without (5) is rolled back. The reload itself comes later;
where it has a probe the backups stay until that has passed, and a probe that fails makes an intent of them again.
"""

import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from syncd.core.errors import TargetError
from syncd.engine import files
from syncd.engine.journal import Inputs, Journal, Written


@dataclass(frozen=True, slots=True)
class Replacement:
    """One file of a group to replace. `planned` is what the file held when that was planned, None where none was."""

    wanted: files.Wanted
    planned: bytes | None
    kind: str
    written: Written
    inputs: Inputs


@dataclass(frozen=True, slots=True)
class _Step:
    path: str
    temporary: str
    backup: str | None
    digest: str


async def replace_files(
    journal: Journal,
    group: str,
    replacements: Sequence[Replacement],
    *,
    check: Callable[[], Awaitable[None]] | None,
    owe: str | None,
    prove: bool = False,
) -> None:
    """Replace the files of one group, check them, and owe the reload `owe`.

    Args:
        prove: keep what stood there before until `forget_backups` or `put_back`.

    Raises:
        TargetError: a file changed since it was planned, or cannot be replaced. All files are as they were.
        ReloadError: `check` refused them. All files are as they were.
    """
    steps = [_step(one) for one in replacements]
    journal.begin(group, [asdict(step) for step in steps])
    try:
        for step, one in zip(steps, replacements, strict=True):
            _prepare(step, one)
        for step in steps:
            files.swap(Path(step.temporary), Path(step.path))
        _sync(steps)
        if check is not None:
            await check()
    except BaseException:
        _roll_back(steps)
        journal.rolled_back(group)
        raise
    inputs: Mapping[str, tuple[str, Inputs]] = {one.written.target: (one.kind, one.inputs) for one in replacements}
    kept = _proved([_Step(**one) for one in journal.unproved(owe)], steps) if prove and owe is not None else []
    journal.finish(group, [one.written for one in replacements], inputs, owe, [asdict(step) for step in kept])
    needed = {step.backup for step in kept}
    forget_backups([asdict(step) for step in steps if step.backup not in needed])


def put_back(journal: Journal, reload: str) -> bool:
    """Bring back the files that were there before a reload which its probe did not prove.

    Returns:
        False where nothing is kept for it.
    """
    group = journal.refuted(reload)
    if group is None:
        return False
    _finish_rolling_back(journal, group, journal.intents()[group])
    return True


def forget_backups(steps: Sequence[Mapping[str, Any]]) -> None:
    """Remove the backups of steps that need not be undone any more."""
    for step in steps:
        if step["backup"] is not None:
            Path(step["backup"]).unlink(missing_ok=True)


def recover(journal: Journal, outputs: Iterable[Path]) -> list[str]:
    """Roll back every transaction that a killed pass left, and remove what it left beside `outputs`.

    Files that wait for their proof stay, and so do their backups: their reload is owed.

    Returns:
        The groups that were rolled back.
    """
    intents = journal.intents()
    for group, steps in intents.items():
        _finish_rolling_back(journal, group, steps)
    kept = {step["backup"] for step in journal.unproved()}
    for path in outputs:
        files.sweep(files.real(path), kept)
    return list(intents)


def interrupted(journal: Journal) -> dict[str, Path | None]:
    """Return, for each file that a killed pass may have left unchecked, where its old content is.

    The value is None where there was no file before. A dry run reads from there: that is what the next pass restores.
    """
    found: dict[str, Path | None] = {}
    for steps in journal.intents().values():
        for step in steps:
            backup = step["backup"]
            if backup is None:
                found[step["path"]] = None
            elif Path(backup).exists():
                found[step["path"]] = Path(backup)
    return found


def _step(one: Replacement) -> _Step:
    path = one.wanted.path
    number = secrets.token_hex(4)
    return _Step(
        path=str(path),
        temporary=str(files.beside(path, f"new-{number}")),
        backup=None if one.planned is None else str(files.beside(path, f"old-{number}")),
        digest=one.written.digest,
    )


def _proved(older: Sequence[_Step], steps: Sequence[_Step]) -> list[_Step]:
    """Return the steps to undo where neither of two transactions is proved: the first backup of a file counts."""
    merged = {step.path: step for step in older}
    for step in steps:
        first = merged.get(step.path)
        merged[step.path] = step if first is None else replace(step, backup=first.backup)
    return list(merged.values())


def _finish_rolling_back(journal: Journal, group: str, steps: Sequence[Mapping[str, Any]]) -> None:
    _roll_back([_Step(**step) for step in steps])
    journal.rolled_back(group)


def _prepare(step: _Step, one: Replacement) -> None:
    present = files.read(one.wanted.path)
    if (None if present is None else present.content) != one.planned:
        raise TargetError(f"{step.path}: somebody changed it since it was planned; run again")
    if step.backup is not None:
        files.keep(one.wanted.path, Path(step.backup))
    files.stage(one.wanted, Path(step.temporary))


def _roll_back(steps: Sequence[_Step]) -> None:
    """Bring every file back; harmless to repeat, and for files that were never touched."""
    for step in steps:
        path = Path(step.path)
        Path(step.temporary).unlink(missing_ok=True)
        if step.backup is not None:
            files.restore(Path(step.backup), path)
        else:
            present = files.read(path)
            if present is not None and present.digest == step.digest:
                path.unlink()
    _sync(steps)


def _sync(steps: Sequence[_Step]) -> None:
    for folder in {Path(step.path).parent for step in steps}:
        if folder.is_dir():
            files.sync_folder(folder)
