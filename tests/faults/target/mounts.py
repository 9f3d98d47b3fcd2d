"""Small file systems that can be full or read-only, and files that are mounted on their own. They need root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest


def _may_mount() -> bool:
    """Return whether this process may make mounts: root in a plain container may not."""
    if os.geteuid() != 0:
        return False
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


needs_root = pytest.mark.skipif(not _may_mount(), reason="mounts need root, and the right to make them")
UNPRIVILEGED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search")
"""Starts a program that owns what root owns, and may no more than other users may with what is theirs."""
FILLER = "filler"


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True)


@contextmanager
def small_disk(folder: Path, size: str = "64k") -> Iterator[Path]:
    """A file system of its own at `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _run("umount", "--lazy", str(folder))


@contextmanager
def mounted_file(source: Path, path: Path) -> Iterator[Path]:
    """A file that is mounted on its own at `path`, as containers do it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    _run("mount", "--bind", str(source), str(path))
    try:
        yield path
    finally:
        _run("umount", "--lazy", str(path))


def remount(folder: Path, how: str) -> None:
    """Mount again: `ro` or `rw`."""
    _run("mount", "-o", f"remount,{how}", str(folder))


def fill(folder: Path) -> None:
    """Use up all the space."""
    with (folder / FILLER).open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError:
            return


def drain(folder: Path) -> None:
    """Give the space back."""
    (folder / FILLER).unlink()


@pytest.fixture(scope="module")
def mounts() -> Iterator[ExitStack]:
    """Where to enter mounts; all are gone after the module."""
    with ExitStack() as stack:
        yield stack
