"""Pauses as files: whose they are, a folder that cannot be searched, and files made by hand."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from syncd.engine.journal import Journal
from syncd.engine.pausing import Pause, Pauses
from syncd.engine.statedir import StateDir

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def nobodys() -> Iterator[Path]:
    """A state dir of another user, where that user can get to it."""
    folder = Path(tempfile.mkdtemp(prefix="syncd-state-"))
    os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


@needs_root
def test_what_root_makes_is_the_daemons(nobodys: Path) -> None:
    """`sudo syncd pause` or `rollback` beside a daemon of another user: all that they leave is that user's."""
    state = StateDir(nobodys)
    state.pauses.put("edge", Pause(1.0))
    state.pauses.put_everything("look")
    state.plan_key({}, make=True)
    state.backups.names(nobodys / "out", in_place=False)
    with state.locked("rollback"):
        Journal.open(state.journal).close()
    left = {path.name: path.stat().st_uid for path in nobodys.rglob("*")}
    assert {"paused", "paused.d", "edge", "plan.key", "mark", "lock", "journal.db"} <= left.keys()
    assert set(left.values()) == {NOBODY}, left


def test_a_folder_that_cannot_be_searched_pauses_nobody(nobodys: Path) -> None:
    """It is said once and loudly; it used to pause every target."""
    (nobodys / "paused.d").mkdir(mode=0o700)
    pauses = Pauses(nobodys)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    else:
        (nobodys / "paused.d").chmod(0)
    try:
        with capture_logs() as logs:
            assert [pauses.of(name) for name in ("edge", "app", "edge")] == [None] * 3
    finally:
        os.seteuid(os.getuid())
        (nobodys / "paused.d").chmod(0o700)
    (said,) = logs
    assert (said["event"], said["log_level"]) == ("pauses_not_read", "error")
    assert "paused.d" in said["folder"]


def test_resume_leaves_no_empty_folder(tmp_path: Path) -> None:
    """The last pause that ends takes the folder with it."""
    pauses = Pauses(tmp_path)
    pauses.put("edge", Pause(1.0))
    pauses.put("app", Pause(1.0))
    assert pauses.drop("edge")
    assert pauses.targets() == ["app"]
    assert pauses.drop("app")
    assert not (tmp_path / "paused.d").exists()
    assert not pauses.drop("app")


@pytest.mark.parametrize(
    "text",
    [
        '{"since": 1, "undo": {"to": 9223372036854775808, "state": "asked"}}',
        '{"since": 1, "undo": {"to": -1, "state": "asked"}}',
        '{"since": 1e999}',
        '{"since": NaN}',
        "[" * 100_000,
    ],
)
def test_a_file_made_by_hand_is_a_pause_and_no_more(tmp_path: Path, text: str) -> None:
    """Numbers that no entry of the history can have, and times that are none, ask for nothing."""
    (tmp_path / "paused.d").mkdir()
    (tmp_path / "paused.d/edge").write_text(text)
    pause = Pauses(tmp_path).of("edge")
    assert pause is not None
    assert pause.undo is None
    assert 0 < pause.since < 1e10
