"""The state dir: its lock, its plan key, and where its parts are."""

import contextlib
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from syncd.core.errors import StateError
from syncd.engine.backups import Backups
from syncd.engine.owning import hand_over
from syncd.engine.pausing import Pauses

PLAN_KEY_VARIABLE = "SYNCD_PLAN_KEY"
_MARK = re.compile("[0-9a-f]{8}")


class InUse(StateError):
    """Another syncd has the state dir; `holder` says which, such as `syncd run (pid 1)`."""

    def __init__(self, message: str, holder: str) -> None:
        super().__init__(message)
        self.holder = holder


class StateDir:
    """The folder that holds journal, lock and plan key; made with mode 0700 by the first pass that writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = path / "journal.db"
        self.backups = Backups(path / "backups", self._mark)
        self.plan_key_file = path / "plan.key"
        self.pauses = Pauses(path)

    def ensure(self) -> None:
        """Make the folder where it is missing.

        Raises:
            StateError: it cannot be made.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            mode = self.path.stat().st_mode
        except OSError as error:
            raise StateError(f"state_dir {self.path}: cannot be made ({error.strerror}); set state_dir") from error
        if mode & stat.S_IWOTH:
            # What stands in the journal is carried out: who may write it could have any file of ours replaced.
            raise StateError(f"state_dir {self.path}: everybody may write there; run chmod 700 on it, or set state_dir")

    @contextlib.contextmanager
    def locked(self, command: str) -> Iterator[None]:
        """Hold the state dir's lock (flock) for the block; the kernel lets go of it when the process ends.

        Raises:
            StateError: another syncd holds it (named), or it cannot be opened.
        """
        self.ensure()
        path = self.path / "lock"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateError(f"{path}: cannot be opened ({error.strerror}); make state_dir writable") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
            os.close(descriptor)
            raise InUse(f"state_dir {self.path}: in use by {holder}; wait for it or stop it", holder) from error
        try:
            with contextlib.suppress(OSError):  # who holds it is said as far as the disk takes it
                hand_over(descriptor, self.path)
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"syncd {command} (pid {os.getpid()})\n".encode())
            yield
        finally:
            os.close(descriptor)

    def plan_key(self, env: Mapping[str, str], *, make: bool = False) -> bytes | None:
        """Return the key that seals digests of sensitive values: the environment's, else the state dir's.

        Args:
            make: make one where there is none.

        Raises:
            StateError: it cannot be read or made.
        """
        given = env.get(PLAN_KEY_VARIABLE)
        if given:
            return given.encode()
        path = self.plan_key_file
        try:
            key = path.read_bytes().strip() if path.exists() else b""
            if make and not key:
                key = secrets.token_hex(32).encode()
                _write_private(path, key)
        except OSError as error:
            raise StateError(f"{path}: cannot be used ({error.strerror}); run as the user that runs syncd") from error
        return key or None

    def _mark(self, make: bool) -> str | None:
        """Return what tells the names that this state dir's transactions make from those of others.

        It is drawn, not made of the folder's path: in two containers that share an output folder the path is the same.

        Raises:
            StateError: it cannot be read or made.
        """
        path = self.path / "mark"
        try:
            mark = path.read_text(errors="replace").strip() if path.exists() else ""
            if make and not _MARK.fullmatch(mark):
                mark = secrets.token_hex(4)
                _write_private(path, mark.encode())
        except OSError as error:
            raise StateError(f"{path}: cannot be used ({error.strerror}); run as the user that runs syncd") from error
        return mark if _MARK.fullmatch(mark) else None


def _write_private(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        hand_over(descriptor, path.parent)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
