"""The only code that writes output files: temporary file, fsync, mode, owner, rename, folder fsync.

Every path here is absolute.
"""

import contextlib
import errno
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from syncd.core.digest import sha256_hex
from syncd.core.errors import TargetError

_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = frozenset(" \t\n\\#")


@dataclass(frozen=True, slots=True)
class Present:
    """One file as it is on disk."""

    content: bytes
    mode: int
    uid: int
    gid: int

    @property
    def digest(self) -> str:
        """SHA-256 of the content, 64 hex characters."""
        return sha256_hex(self.content)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file as it should be; `uid` and `gid` None leave them to the system."""

    path: Path
    content: bytes
    mode: int
    uid: int | None
    gid: int | None
    private: bool
    """True where missing parent folders are made 0700."""


def real(path: Path) -> Path:
    """Return where a path really leads: a link stays a link, and what it points to is written."""
    return Path(os.path.realpath(path))


def read(path: Path) -> Present | None:
    """Return the file at `path`, None where there is none.

    Raises:
        TargetError: it is not a regular file, or cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise failure(path, "cannot be read", error) from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise TargetError(f"{path}: is not a regular file; move it away or change path")
    with os.fdopen(descriptor, "rb") as file:
        return Present(file.read(), stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)


def stage(wanted: Wanted, temporary: Path, like: Present | None) -> None:
    """Write a file's new content, mode and owner to `temporary`, durable.

    Args:
        like: the file it replaces, whose owner it gets where nothing else is wanted and we have the right.

    Raises:
        TargetError: it cannot be written; `temporary` is gone again.
    """
    try:
        _make_parents(wanted.path.parent, 0o700 if wanted.private else 0o755)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(wanted.content)
            file.flush()
            if like is not None:
                with contextlib.suppress(PermissionError):
                    os.fchown(descriptor, like.uid, like.gid)
            if wanted.uid is not None or wanted.gid is not None:
                os.fchown(
                    descriptor, -1 if wanted.uid is None else wanted.uid, -1 if wanted.gid is None else wanted.gid
                )
            os.fchmod(descriptor, wanted.mode)
            os.fsync(descriptor)
    except OSError as error:
        with contextlib.suppress(OSError):
            discard(temporary)
        raise failure(wanted.path, "cannot be written", error) from error


def keep(path: Path, backup: Path) -> None:
    """Give the present file a second name, from which `restore` brings it back without needing disk space.

    Raises:
        TargetError: it cannot be kept.
    """
    try:
        try:
            os.link(path, backup, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP):
                raise
            _copy(path, backup)
    except OSError as error:
        raise failure(path, "cannot be backed up", error) from error


def swap(temporary: Path, path: Path) -> None:
    """Put a staged file in place.

    Raises:
        TargetError: it cannot be renamed; the old file is untouched.
    """
    try:
        temporary.rename(path)
    except OSError as error:
        raise failure(path, "cannot be replaced", error) from error


def discard(path: Path) -> None:
    """Remove a file where there is one; a read-only file system refuses even to remove what is not there."""
    if os.path.lexists(path):
        path.unlink(missing_ok=True)


def restore(backup: Path, path: Path) -> None:
    """Put a kept file back under its own name; its second name is gone afterwards."""
    if backup.exists():
        backup.rename(path)
        # Both names were the same file: POSIX then leaves both.
        backup.unlink(missing_ok=True)


def mounted(path: Path) -> bool:
    """Return True for a file that is mounted on its own, as containers do: nothing can be renamed over it."""
    try:
        table = _MOUNTS.read_text(errors="surrogateescape")
    except OSError:
        return False
    wanted = str(path)
    if path.name not in table and _ESCAPED.isdisjoint(path.name):  # asked in every pass, and hardly ever true
        return False
    return any(_mount_point(line) == wanted for line in table.splitlines())


def _mount_point(line: str) -> str:
    escaped = line.split(" ")[4]
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), escaped)


def copy_aside(path: Path, backup: Path) -> None:
    """Copy the present file to `backup` (0600), durable, and whole from the moment it has its name.

    Raises:
        TargetError: it cannot be copied.
    """
    present = read(path)
    content = b"" if present is None else present.content
    _put_aside(Wanted(backup, content, 0o600, None, None, True), backup, None)
    sync_folder(backup.parent)


def overwrite(path: Path, content: bytes, mode: int, uid: int | None = None, gid: int | None = None) -> None:
    """Write a file in place; a reader may see half of it, and there is no other way for a mounted one.

    Raises:
        TargetError: it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        with os.fdopen(descriptor, "wb") as file:
            # Before the content, which may be a secret; and who does not own the file may not even set what is set.
            present = os.fstat(descriptor)
            owner = (present.st_uid if uid is None else uid, present.st_gid if gid is None else gid)
            if owner != (present.st_uid, present.st_gid):
                os.fchown(descriptor, *owner)
            if stat.S_IMODE(present.st_mode) != mode:
                os.fchmod(descriptor, mode)
            file.write(content)
            file.truncate()
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        raise failure(path, "cannot be written in place", error) from error


def sync_folder(folder: Path) -> None:
    """Make the renames in a folder durable.

    Raises:
        TargetError: the system refused.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise failure(folder, "cannot be synced", error) from error


def failure(path: Path, what: str, error: OSError) -> TargetError:
    """Return the error for a file operation that the system refused."""
    advice = {
        errno.EACCES: "; give syncd the right to read and write there",
        errno.EROFS: "; mount it writable or change path",
        errno.ENOENT: "; see that the folder it lies in is there and no broken link, or change path",
        errno.ENOSPC: "; free some space",
        errno.ELOOP: "; its links lead in a circle",
        errno.ENAMETOOLONG: "; choose a shorter name, temporary files need 32 characters more",
        errno.EISDIR: "; a folder is in the way, move it or change path",
        errno.ENOTDIR: "; a file is in the way of a folder, move it or change path",
        errno.EBUSY: "; it is mounted on its own: mount its folder instead",
    }.get(error.errno or 0, "")
    return TargetError(f"{path}: {what} ({error.strerror}){advice}")


def _make_parents(folder: Path, mode: int) -> None:
    if folder.is_dir():
        return
    _make_parents(folder.parent, mode)
    folder.mkdir(exist_ok=True)
    folder.chmod(mode)


def _copy(path: Path, backup: Path) -> None:
    present = read(path)
    if present is None:
        raise FileNotFoundError(errno.ENOENT, "it is gone", str(path))
    _put_aside(Wanted(path, present.content, present.mode, None, None, False), backup, present)


def _put_aside(kept: Wanted, backup: Path, like: Present | None) -> None:
    """Write a backup under a name of its own first: half of one, left by a kill, would be taken for the old file."""
    part = backup.with_name(f"{backup.name}.part")
    stage(kept, part, like)
    swap(part, backup)
