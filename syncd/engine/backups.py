"""Where the old files of a transaction are kept, and under which names: beside the output, or in the state dir.

Names beside an output carry the mark of the state dir: two syncd that write into one folder never take each other's
backup for a crumb of their own.
"""

import contextlib
import os
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from syncd.core.digest import sha256_hex
from syncd.engine import files

PART = ".part"
"""Ends the name of a copy that may not be whole."""


class Backups:
    """The backups of one state dir.

    Args:
        folder: where copies of files lie that cannot be renamed over.
        mark: gives the state dir's mark, None where it has none yet; `True` makes one.
    """

    def __init__(self, folder: Path, mark: Callable[[bool], str | None]) -> None:
        self.folder = folder
        self._mark = mark

    def names(self, path: Path, *, in_place: bool) -> tuple[Path, Path]:
        """Return a fresh temporary name and a fresh backup name for the file at `path`.

        Raises:
            StateError: the state dir's mark cannot be kept.
        """
        mark, number = self._mark(True), secrets.token_hex(3)
        backup = self._copy(path, number) if in_place else _beside(path, f"old-{mark}-{number}")
        return _beside(path, f"new-{mark}-{number}"), backup

    def left(self, path: Path) -> Path | None:
        """Return the backup of `path` that lies there, None for none; of several the oldest, which was proved."""
        mark = self._mark(False)
        if mark is None:
            return None
        found = [*_entries(path.parent, _beside(path, f"old-{mark}-").name)]
        found += _entries(self.folder, self._copy(path, "").name)
        whole = [one for one in found if one.suffix != PART]
        return min(whole, key=lambda one: one.stat().st_mtime_ns, default=None)

    def sweep(self, outputs: Iterable[Path], kept: Collection[str]) -> None:
        """Remove what a killed pass left, but for `kept`; call it with the state dir's lock held.

        Raises:
            StateError: the state dir's mark cannot be kept.
        """
        mark = self._mark(True)
        for path in outputs:
            for what in ("old", "new"):
                for left in _entries(path.parent, _beside(path, f"{what}-{mark}-").name):
                    if str(left) not in kept:
                        with contextlib.suppress(OSError):  # the next start tries again
                            files.discard(left)
        for left in _entries(self.folder, ""):
            if str(left) not in kept:
                with contextlib.suppress(OSError):  # somebody's folder, say
                    left.unlink()

    def _copy(self, path: Path, number: str) -> Path:
        # Files of one name may lie in two folders.
        return self.folder / f"{path.name}-{sha256_hex(str(path).encode())[:8]}-{number}"


def _beside(path: Path, what: str) -> Path:
    """Return a name beside `path` that starts with a dot, so that `include *.conf` never sees it."""
    return path.with_name(f".{path.name}.syncd-{what}")


def _entries(folder: Path, prefix: str) -> Iterator[Path]:
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.name.startswith(prefix)]
    except OSError:
        return
    yield from (folder / name for name in names)
