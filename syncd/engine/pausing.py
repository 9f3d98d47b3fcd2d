"""What is paused, and why: the file `paused` in the state dir for everything, a file in `paused.d` for one target.

They are files so that a daemon and a command can tell each other, and so that a pause outlives both. A target that was
rolled back is paused; what became of that, or that it is still to be done, stands in the same file.
"""

import contextlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import structlog

from syncd.core.errors import StateError
from syncd.core.history.lines import when
from syncd.core.printable import one_line
from syncd.core.status import PauseStatus
from syncd.engine.history.reading import NEWEST
from syncd.engine.owning import hand_over, hand_over_folder
from syncd.engine.reading import Target
from syncd.engine.waiting import Wait, Waits, window

UndoState = Literal["asked", "done", "failed", "refused"]
HELD_ALREADY = "it held that already"
_STATES = ("asked", "done", "failed", "refused")
_LATEST = 1e11
"""Seconds since the epoch; what is later is no time that can be shown."""
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Undo:
    """A rollback to an entry of the history: asked for, done, failed, or refused; `said` says what came of it."""

    to: int
    state: UndoState = "asked"
    said: str = ""

    @property
    def changed(self) -> bool:
        """Whether it was done, and the target did not hold that already."""
        return self.state == "done" and self.said != HELD_ALREADY


@dataclass(frozen=True, slots=True)
class Pause:
    """That a target, or everything, is paused since then, in seconds since the epoch; `why` as somebody gave it."""

    since: float
    why: str = ""
    undo: Undo | None = None


class Pauses:
    """The pauses in one state dir."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._all = state_dir / "paused"
        self._folder = state_dir / "paused.d"
        self._said = False

    def everything(self) -> Pause | None:
        """Return the pause of everything, None where there is none."""
        try:
            return Pause(self._all.stat().st_mtime, one_line(self._all.read_text(errors="replace")))
        except FileNotFoundError:
            return None
        except OSError:
            return Pause(time.time())

    def of(self, target: str) -> Pause | None:
        """Return the pause of one target by itself, None where there is none; one that cannot be read is one.

        A folder that cannot be searched says nothing of any target: that is logged, once.
        """
        path = self._folder / target
        try:
            at = path.stat().st_mtime
        except FileNotFoundError:
            return None
        except OSError as error:
            self._not_read(error)
            return None
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            return Pause(at)
        return _read(text, at)

    def _not_read(self, error: OSError) -> None:
        if not self._said:
            self._said = True
            _log.error("pauses_not_read", folder=str(self._folder), error=error.strerror, next=_OWN)

    def targets(self) -> list[str]:
        """Return the targets that are paused by themselves."""
        try:
            return sorted(path.name for path in self._folder.iterdir() if not path.name.startswith("."))
        except OSError:
            return []

    def wait(self, target: Target) -> Wait | None:
        """Return why a target's changes wait where it is paused by itself, None where it is not."""
        pause = self.of(target.name)
        return None if pause is None else Wait(words(target.name, pause), paused=True)

    def for_undo(self, target: str, why: str, to: int) -> Pause:
        """Return the pause of a target that is to be rolled back; one that is there stays, but for a new reason."""
        before = self.of(target) or Pause(time.time())
        return Pause(before.since, one_line(why) or before.why, Undo(to))

    def put(self, target: str, pause: Pause) -> None:
        """Pause a target, durable when this returns.

        Raises:
            StateError: it cannot be written.
        """
        fresh = self._folder / f".{target}.{os.getpid()}"
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            hand_over_folder(self._folder, self._state_dir)
            _write(fresh, json.dumps(asdict(pause), ensure_ascii=False), self._state_dir)
            fresh.replace(self._folder / target)
        except OSError as error:
            raise StateError(f"{self._folder}: cannot be written ({error.strerror}); {_ADVICE}") from error

    def drop(self, target: str) -> bool:
        """Let a target follow again; return False where it was not paused.

        Raises:
            StateError: it cannot be removed.
        """
        was = _remove(self._folder / target)
        with contextlib.suppress(OSError):  # there are others
            self._folder.rmdir()
        return was

    def status(self) -> PauseStatus | None:
        """Return the pause of everything as the status says it, None where there is none."""
        pause = self.everything()
        return None if pause is None else PauseStatus(pause.since, pause.why)

    def put_everything(self, why: str, *, since: float | None = None) -> None:
        """Pause everything, since now where `since`, in seconds since the epoch, does not say another time.

        Raises:
            StateError: it cannot be written.
        """
        try:
            _write(self._all, why, self._state_dir)
            if since is not None:
                os.utime(self._all, (since, since))
        except OSError as error:
            raise StateError(f"{self._all}: cannot be written ({error.strerror}); {_ADVICE}") from error

    def drop_everything(self) -> bool:
        """End the pause of everything; return False where there was none.

        Raises:
            StateError: it cannot be removed.
        """
        return _remove(self._all)

    def marks(self) -> Mapping[str, tuple[int, int]]:
        """Return what tells one state of all pauses from another, by target; "" stands for everything."""
        found = {"": self._all, **{name: self._folder / name for name in self.targets()}}
        return {name: mark for name, path in found.items() if (mark := _mark(path)) is not None}


def waits_of(pauses: Pauses, other: Waits = window) -> Waits:
    """Return what says why a target's changes wait: it is paused by itself, or the other reason."""
    return lambda target: pauses.wait(target) or other(target)


def words(target: str, pause: Pause) -> str:
    """Say why a target is paused, and how it follows again."""
    undo = pause.undo
    parts = [f"paused since {when(pause.since)}"]
    if undo is not None:
        done = {"asked": "a rollback to {} is to be done", "done": "rolled back to {}"}
        parts.append(
            done.get(undo.state, "a rollback to {} failed").format(undo.to) + (undo.said and f" ({undo.said})")
        )
    if pause.why:
        parts.append(pause.why)
    return f"{': '.join(parts)}; `syncd resume {target}` lets it follow again"


_ADVICE = "run as the user that runs syncd"
_OWN = "no target is paused by itself; give the folder to the user that runs syncd (chown)"


def _read(text: bytes, at: float) -> Pause:
    """Return the pause that a file stands for; one made by hand is one too."""
    try:
        found: Any = json.loads(text)
        undo, since = found.get("undo"), float(found.get("since", at))
        if undo is not None and (undo["state"] not in _STATES or undo["to"] not in range(1, NEWEST + 1)):
            undo = None
        made = None if undo is None else Undo(undo["to"], undo["state"], str(undo.get("said", "")))
        return Pause(since if 0 < since < _LATEST else at, one_line(str(found.get("why", ""))), made)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return Pause(at)


def _write(path: Path, text: str, state_dir: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        hand_over(descriptor, state_dir)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StateError(f"{path}: cannot be removed ({error.strerror}); {_ADVICE}") from error
    return True


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino
