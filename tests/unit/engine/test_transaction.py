"""Transactions that are cut off, or cannot be undone."""

import asyncio
from pathlib import Path

import pytest

from syncd.engine import files
from syncd.engine.backups import Backups
from syncd.engine.journal import Inputs, Journal, Written
from syncd.engine.transaction import Replacement, replace_files


def backups(folder: Path) -> Backups:
    """Return the backups of a state dir."""
    return Backups(folder / "backups", lambda _: "0badcafe")


async def test_a_failing_undo_does_not_hide_that_it_was_cancelled(tmp_path: Path) -> None:
    """SIGTERM in a check, and a folder stands where the file was: the task ends, the intent stays for the next pass."""
    journal = Journal.open(tmp_path / "journal.db")
    path = tmp_path / "app"
    path.write_text("old")
    wanted = files.Wanted(path, b"new", 0o644, None, None, False)
    written = Written("app", "app", "d")
    begun = asyncio.Event()

    async def check() -> None:
        path.unlink()
        (path / "in the way").mkdir(parents=True)
        begun.set()
        await asyncio.Event().wait()

    one = Replacement(wanted, files.read(path), "template", written, Inputs({}, {}))
    work = asyncio.create_task(replace_files(journal, "g", [one], check=check, owe=None, backups=backups(tmp_path)))
    await begun.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert list(journal.intents()) == ["g"]


def test_a_folder_among_the_backups_stops_no_start(tmp_path: Path) -> None:
    """What cannot be removed is left where it is."""
    (tmp_path / "backups/strange").mkdir(parents=True)
    (tmp_path / "backups/crumb").touch()
    backups(tmp_path).sweep([], set())
    assert [path.name for path in (tmp_path / "backups").iterdir()] == ["strange"]
