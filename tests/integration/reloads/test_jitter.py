"""Jitter: a random part of it before the reload, never past the deadline, never before files are put back."""

import random
from pathlib import Path

import pytest

from syncd.core.errors import ReloadError
from syncd.core.snapshot import Snapshot
from syncd.engine import reloading
from syncd.engine.deadline import Deadline
from syncd.engine.groups import ReloadGroup
from syncd.engine.journal import Journal
from syncd.engine.redaction import Redaction
from syncd.engine.reloading import reload_group


class Noted:
    """A step that notes itself, and fails where it should."""

    def __init__(self, steps: list[str], name: str, error: str | None = None) -> None:
        self._steps, self._name, self._error = steps, name, error

    async def run(self) -> None:
        """Do it."""
        self._steps.append(self._name)
        if self._error:
            raise ReloadError(self._error)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done in order; time is not spent, and the dice always fall on the longest pause."""
    done: list[str] = []

    async def sleep(pause_s: float) -> None:
        done.append(f"pause {pause_s:.0f} s")

    monkeypatch.setattr(reloading.asyncio, "sleep", sleep)
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)
    return done


async def run(folder: Path, steps: list[str], timeout_s: float | None, probe: str | None = None) -> str:
    """Reload a group with 30 s of jitter that owes it; return what became of it."""
    journal = Journal.open(folder / "journal.db")
    journal.finish("reload:app", [], {}, "app", [{"path": str(folder / "f"), "backup": None}] if probe else [])
    group = ReloadGroup("app", Noted(steps, "check"), Noted(steps, "reload"), Noted(steps, "probe", probe), 30.0)
    result = await reload_group(group, journal, Deadline(timeout_s), Redaction(Snapshot()), checked=True)
    journal.close()
    assert result is not None
    return result.state


async def test_the_reload_waits_and_the_probe_does_not(tmp_path: Path, steps: list[str]) -> None:
    """One pause, after the check and before the reload."""
    assert await run(tmp_path, steps, None) == "done"
    assert steps == ["pause 30 s", "reload", "probe"]


async def test_it_never_waits_past_the_deadline(tmp_path: Path, steps: list[str]) -> None:
    """A pass with 5 s left reloads after 5 s."""
    assert await run(tmp_path, steps, 5.0) == "done"
    assert steps == ["pause 5 s", "reload", "probe"]


async def test_putting_back_does_not_wait(tmp_path: Path, steps: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was let down is served again at once."""
    monkeypatch.setattr(reloading, "put_back", lambda *_: True)
    assert await run(tmp_path, steps, None, "nobody answers") == "failed"
    assert steps == ["pause 30 s", "reload", "probe", "check", "reload"]
