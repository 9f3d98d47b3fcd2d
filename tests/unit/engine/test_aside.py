"""Work in a copy of this process: what comes back, that it ends, and that the event loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.core.errors import TargetError
from syncd.engine.aside import AT_ONCE, aside
from tests.support.processes import eventually


def forever() -> None:
    """Never end."""
    while True:
        pass


def children() -> set[str]:
    """Return the processes that this one has started and not waited for."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


async def test_what_the_work_returns_comes_back() -> None:
    """However large; it is done by another process, which is gone afterwards."""
    before = children()
    pid, content = await aside(lambda: (os.getpid(), b"x" * 3_000_000), 10)
    assert pid != os.getpid()
    assert content == b"x" * 3_000_000
    assert children() == before


async def test_work_that_takes_too_long_is_ended() -> None:
    """And so is work that nobody waits for any more; others go on meanwhile."""
    before = children()
    task = asyncio.create_task(aside(forever, 60))
    with pytest.raises(TimeoutError):
        await aside(forever, 0.1)
    assert await aside(lambda: 1, 10) == 1
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert children() == before


async def test_work_that_fails_says_where() -> None:
    """Its class and place, never the text of the exception, which may hold a value."""
    secret = "".join(["s3", "cret"])

    def fail() -> None:
        raise ValueError(secret)

    with pytest.raises(RuntimeError, match="ValueError in a rendering") as caught:
        await aside(fail, 10)
    assert "in fail" in str(caught.value)
    assert secret not in str(caught.value)


async def test_a_copy_that_somebody_ends() -> None:
    """It is said; the same for a system that starts no more processes."""
    with pytest.raises(TargetError, match="was ended by somebody"):
        await aside(lambda: os.kill(os.getpid(), signal.SIGKILL), 10)


async def test_no_more_process_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says so, and no pipe stays open."""

    def fork() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - names alone
    with pytest.raises(TargetError, match=r"no process can be started to render it \(Resource"):
        await aside(lambda: 1, 10)
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208


async def test_a_copy_holds_nothing_of_ours(tmp_path: Path) -> None:
    """Neither a file nor a socket outlives this process in it: only its pipe is open."""
    with (tmp_path / "lock").open("w"):
        opened = await aside(lambda: [link for link in _opened() if "pipe" not in link], 10)
    assert opened == []


async def aside_started() -> None:
    """Let each task that was made go on until it waits."""
    await asyncio.sleep(0)


async def test_only_so_many_at_once() -> None:
    """More work waits for its turn, and gets it."""
    before = children()
    tasks = [asyncio.create_task(aside(forever, 60)) for _ in range(AT_ONCE)]
    await aside_started()
    assert len(children() - before) == AT_ONCE
    late = asyncio.create_task(aside(lambda: "late", 10))
    await aside_started()
    assert len(children() - before) == AT_ONCE
    tasks[0].cancel()
    assert await late == "late"
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _opened() -> Iterator[str]:
    for number in range(256):
        try:
            yield str(Path(f"/proc/self/fd/{number}").readlink())
        except OSError:
            continue


async def test_what_cannot_be_ended_at_once_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy in an uninterruptible sleep keeps nobody; it is waited for in the background, and leaves no zombie."""
    release = tmp_path / "release"

    def deaf() -> None:
        until = time.monotonic() + 10
        while not release.exists() and time.monotonic() < until:
            time.sleep(0.01)

    before = children()
    monkeypatch.setattr("syncd.engine.aside.GONE_S", 0.05, raising=False)
    with monkeypatch.context() as patch:
        patch.setattr(os, "kill", lambda *_: None)
        with pytest.raises(TimeoutError):
            await aside(deaf, 0.1)
    (left,) = children() - before
    release.touch()
    await eventually(lambda: left not in children())


async def test_work_that_nobody_waits_for_leaves_no_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither where it is cancelled before the pipe is connected."""

    async def cancelled(*_: object) -> None:
        raise asyncio.CancelledError

    before = os.listdir("/proc/self/fd")  # noqa: PTH208
    monkeypatch.setattr(asyncio.get_running_loop(), "connect_read_pipe", cancelled)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(asyncio.CancelledError):
            await aside(forever, 60)
        gc.collect()
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208
    assert [one for one in caught if issubclass(one.category, ResourceWarning)] == []
