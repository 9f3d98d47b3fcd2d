"""Whose the files in the state dir are: what a command leaves there as root must not lock the daemon's user out."""

import os
from pathlib import Path


def hand_over(descriptor: int, folder: Path) -> None:
    """Give an open file or folder to the owner of `folder`, where we are root; nothing else may give files away.

    It takes no path: root must not follow one that another user may write.

    Raises:
        OSError: the system refused.
    """
    if os.geteuid() != 0:
        return
    owner, present = folder.stat(), os.fstat(descriptor)
    if (present.st_uid, present.st_gid) != (owner.st_uid, owner.st_gid):
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def hand_over_folder(path: Path, folder: Path) -> None:
    """Give the folder at `path` to the owner of `folder`, as `hand_over`.

    Raises:
        OSError: it is a link or no folder, or the system refused.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        hand_over(descriptor, folder)
    finally:
        os.close(descriptor)
