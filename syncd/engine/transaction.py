"""The transaction of a reload group: all its files are replaced and checked, or all are as they were.

1. intent, committed to the journal; 2. backups and temporary files; 3. renames, folder fsync; 4. check; 5. one commit:
new digests, reload owed. Recovery has one rule: an intent without (5) is rolled back. The reload itself comes later;
where it has a probe the backups stay until that has passed, and a probe that fails makes an intent of them again.
"""

import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog

from syncd.core.errors import StateError, TargetError
from syncd.engine import files
from syncd.engine.backups import Backups
from syncd.engine.history.table import Happened
from syncd.engine.journal import Inputs, Journal, Written
from syncd.engine.steps import Step, proved, step_back, step_of

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Replacement:
    """One file of a group to replace. `present` is the file as it was when that was planned, None where none was."""

    wanted: files.Wanted
    present: files.Present | None
    kind: str
    written: Written
    inputs: Inputs
    happened: Happened | None = None
    """What the history says of it once it is in place and checked."""


async def replace_files(
    journal: Journal,
    group: str,
    replacements: Sequence[Replacement],
    *,
    check: Callable[[], Awaitable[None]] | None,
    owe: str | None,
    backups: Backups,
    prove: bool = False,
) -> None:
    """Replace the files of one group, check them, and owe the reload `owe`.

    Args:
        backups: names what is kept until then.
        prove: keep what stood there before until `forget_backups` or `put_back`.

    Raises:
        TargetError: a file changed since it was planned, or cannot be replaced. All files are as they were.
        ReloadError: `check` refused them. All files are as they were.
    """
    steps = [step_of(one.wanted.path, one.present, one.written.digest, backups) for one in replacements]
    journal.begin(group, [asdict(step) for step in steps])
    swapped: set[str] = set()
    try:
        for step, one in zip(steps, replacements, strict=True):
            _prepare(step, one)
        if check is not None:
            # The backups' names must last longer than the renames: else a power cut leaves what was never checked.
            _sync(steps)
        for step, one in zip(steps, replacements, strict=True):
            swapped.add(step.path)
            _swap(step, one.wanted)
        _sync(steps)
        if check is not None:
            await check()
        kept = _commit(journal, group, replacements, steps, owe, prove)
    except BaseException as error:
        _abandon(journal, group, steps, swapped, error)
        raise
    needed = {step.backup for step in kept}
    forget_backups([asdict(step) for step in steps if step.backup not in needed])


def _abandon(
    journal: Journal, group: str, steps: Sequence[Step], swapped: Collection[str], cause: BaseException
) -> None:
    """Roll back a transaction that failed; what cannot be put back stays an intent, for the next pass.

    Raises:
        TargetError, StateError: it cannot be rolled back. Not where it was cut off: who did that waits for its end.
    """
    try:
        _roll_back(steps, swapped)
        journal.rolled_back(group)
    except (TargetError, StateError) as error:
        if isinstance(cause, Exception):
            raise
        _log.error("not_put_back", group=group, error=str(error), next="the next pass tries again")


def _commit(
    journal: Journal,
    group: str,
    replacements: Sequence[Replacement],
    steps: Sequence[Step],
    owe: str | None,
    prove: bool,
) -> list[Step]:
    """Make the new digests and what is owed durable; return the steps whose backups a probe may still need."""
    inputs: Mapping[str, tuple[str, Inputs]] = {one.written.target: (one.kind, one.inputs) for one in replacements}
    kept = proved([Step(**one) for one in journal.unproved(owe)], steps) if prove and owe is not None else []
    written = [one.written for one in replacements]
    happened = [one.happened for one in replacements if one.happened is not None]
    journal.finish(group, written, inputs, owe, [asdict(step) for step in kept], happened)
    return kept


def put_back(journal: Journal, reload: str, why: str) -> bool:
    """Bring back the files that were there before a reload which its probe did not prove.

    Args:
        why: what the probe said, as it may be shown.

    Returns:
        False where nothing is kept for it.
    """
    group = journal.refuted(reload, why)
    if group is None:
        return False
    _finish_rolling_back(journal, group, journal.intents()[group])
    return True


def forget_backups(steps: Sequence[Mapping[str, Any]]) -> None:
    """Remove the backups of steps that need not be undone any more."""
    for step in steps:
        if step["backup"] is not None:
            with contextlib.suppress(OSError):  # what is left here is swept at the next start
                files.discard(Path(step["backup"]))


def recover(journal: Journal, outputs: Iterable[Path], backups: Backups) -> list[str]:
    """Roll back every transaction that a killed pass left, and remove what it left beside `outputs` and in `backups`.

    Files that wait for their proof stay, and so do their backups: their reload is owed.

    A group that cannot be rolled back stays as it is: only its own targets wait for that.

    Returns:
        The groups that were rolled back.
    """
    done = []
    for group in journal.intents():
        with contextlib.suppress(TargetError):
            unstick(journal, group)
            done.append(group)
    kept = {step["backup"] for step in journal.unproved()}
    kept |= {step["backup"] for steps in journal.intents().values() for step in steps}
    backups.sweep([files.real(path) for path in outputs], kept)
    return done


def begin_again(journal: Journal, group: str, paths: Iterable[Path], backups: Backups) -> dict[Path, str]:
    """Begin a group's transaction a second time, as far as backups tell of it, so that `recover` rolls it back.

    It was under way, or waited for its proof, when the journal was lost; in the worst case it had just been finished:
    then files go back which the next pass writes again.

    Returns:
        The digest of what was kept of each file; empty where nothing was.
    """
    kept = {path: backup for path in paths if (backup := backups.left(path)) is not None}
    if kept:
        journal.begin(group, [asdict(step_back(path, backup)) for path, backup in kept.items()])
    digests = {}
    for path, backup in kept.items():
        with contextlib.suppress(TargetError):  # rolling back says why
            digests[path] = old.digest if (old := files.read(backup)) is not None else ""
    return digests


def unstick(journal: Journal, group: str, paths: Collection[Path] = ()) -> None:
    """Roll back what an earlier pass began for this group, or for one of these files, and could not end.

    A file may have been of another group then: undone later, it would lose what is written to it now.

    Raises:
        TargetError: a file cannot be put back; which, and why.
    """
    names = {str(path) for path in paths}
    for name, steps in journal.intents().items():
        if name == group or any(step["path"] in names for step in steps):
            _finish_rolling_back(journal, name, steps)


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


def _finish_rolling_back(journal: Journal, group: str, steps: Sequence[Mapping[str, Any]]) -> None:
    _roll_back([Step(**step) for step in steps])
    journal.rolled_back(group)


def _prepare(step: Step, one: Replacement) -> None:
    present = files.read(one.wanted.path)
    if (present and present.content) != (one.present and one.present.content):
        raise TargetError(f"{step.path}: somebody changed it since it was planned; run again")
    if step.in_place and step.backup is not None:
        files.copy_aside(one.wanted.path, Path(step.backup))
        return
    if step.backup is not None:
        files.keep(one.wanted.path, Path(step.backup))
    files.stage(one.wanted, Path(step.temporary), present)


def _swap(step: Step, wanted: files.Wanted) -> None:
    if step.in_place:
        files.overwrite(wanted.path, wanted.content, wanted.mode, wanted.uid, wanted.gid)
    else:
        files.swap(Path(step.temporary), wanted.path)


def _roll_back(steps: Sequence[Step], swapped: Collection[str] = ()) -> None:
    """Bring every file back; harmless to repeat, and for files that were never touched.

    Args:
        swapped: paths that surely hold our new file, or what the check made of it.

    Raises:
        TargetError: one could not be brought back; the others were.
    """
    failures: list[str] = []
    for step in steps:
        try:
            _undo(step, step.path in swapped)
        except (OSError, TargetError) as error:
            why = files.failure(Path(step.path), "cannot be put back", error) if isinstance(error, OSError) else error
            failures.append(str(why))
    try:
        _sync(steps)
    except TargetError as error:
        failures.append(str(error))
    if failures:
        raise TargetError("; ".join(failures))


def _undo(step: Step, swapped: bool) -> None:
    path = Path(step.path)
    files.discard(Path(step.temporary))
    if step.in_place and step.backup is not None:
        kept = files.read(Path(step.backup))
        if kept is not None:
            files.overwrite(path, kept.content, step.mode, step.uid, step.gid)
            Path(step.backup).unlink()
        return
    if step.backup is not None:
        files.restore(Path(step.backup), path)
        return
    present = files.read(path)
    if present is not None and (swapped or present.digest == step.digest):
        path.unlink()


def _sync(steps: Sequence[Step]) -> None:
    for folder in {Path(step.path).parent for step in steps}:
        if folder.is_dir():
            files.sync_folder(folder)
