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
from types import SimpleNamespace
from typing import Any

import pytest

from syncd.core.errors import TargetError
from syncd.core.model import Desired, Entry, Item, Need
from syncd.core.snapshot import NeedMore, Snapshot
from syncd.engine import reading
from syncd.engine.aside import AT_ONCE, aside
from syncd.engine.reading import render_aside, render_now
from syncd.engine.templates import TemplateStore
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


# --- renderings ---


def target(name: str, *made: Any) -> Any:
    """Return a target that gives, or raises, one thing after the other; `forever` does not return."""
    things = list(made)

    def desired(view: Any, _masked: Any) -> Desired:
        thing = things[0] if len(things) == 1 else things.pop(0)
        if isinstance(thing, Exception):
            raise thing
        return thing() if callable(thing) else thing

    return SimpleNamespace(name=name, desired=desired, needs=lambda: frozenset({Need("key", "a")}))


GOOD = Desired({"f": Entry("f", "digest", owner="o", content=b"good")})


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time limit that a test can wait for."""
    monkeypatch.setattr(reading, "RENDER_MAX_S", 0.5)
    monkeypatch.setattr(reading, "_slow", set())


async def test_a_rendering_that_loops_keeps_nobody_waiting() -> None:
    """Others are rendered while it is; it ends with its own words, and goes aside at once the next time."""
    looping = asyncio.create_task(render_aside(target("loops", forever), Snapshot()))
    await asyncio.sleep(0)
    rendered = await render_aside(target("good", GOOD), Snapshot())
    assert rendered.desired == GOOD
    assert not looping.done()
    assert "rendering takes more than 0.5 s" in str((await looping).desired.error)
    assert reading._slow == {"loops"}


async def test_what_is_rendered_aside_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The result, and the wish for more, come back as from a rendering in the event loop; quick, it returns there."""
    here = await render_aside(target("one", GOOD), Snapshot())
    reading._slow.add("one")
    there = await render_aside(target("one", GOOD), Snapshot())
    assert (there.desired, there.reads, there.inputs) == (here.desired, here.reads, here.inputs)
    assert not reading._slow
    monkeypatch.setattr(reading, "_slow", {"two"})
    more = frozenset({Need("folder", "f/")})
    with pytest.raises(NeedMore) as caught:
        await render_aside(target("two", NeedMore(more)), Snapshot())
    assert caught.value.needs == more


class Overtaken:
    """A source whose snapshot is replaced while the first rendering is under way."""

    def __init__(self, *snapshots: Snapshot) -> None:
        self.snapshots = list(snapshots)

    async def read(self, needs: frozenset[Need], known: Snapshot | None = None) -> Snapshot:
        """Return the next one; the last one stays."""
        return self.snapshots.pop(0) if len(self.snapshots) > 1 else self.snapshots[0]


@pytest.mark.parametrize(("key", "seen"), [("a", b"new"), ("b", b"old")])
async def test_a_rendering_that_is_overtaken_is_made_anew(key: str, seen: bytes, tmp_path: Path) -> None:
    """Where what it read has changed meanwhile; nobody would tell of that change again."""
    old, new = (Snapshot({"a": Item("a", b"old", 1), key: Item(key, value, 1)}) for value in (b"old", b"new"))

    def desired(view: Any, _masked: Any) -> Desired:
        view.reads.add(Need("key", "a"))
        return Desired({"f": Entry("f", "digest", content=view.snapshot.items["a"].value)})

    reading._slow.add("t")
    made: Any = SimpleNamespace(name="t", desired=desired, needs=lambda: frozenset({Need("key", "a")}))
    source: Any = Overtaken(old, new)
    assert (await render_now(source, made, TemplateStore(tmp_path))).desired.entries["f"].content == seen


async def test_templates_that_another_process_asked_for_are_watched(tmp_path: Path) -> None:
    """A template whose name is known only while it is rendered is no less watched when that happens aside."""
    store = TemplateStore(tmp_path)
    (tmp_path / "late.j2").write_text("old")
    made = target("t", lambda: GOOD if store.load("late.j2") else Desired())
    reading._slow.add("t")
    await render_aside(made, Snapshot(), store)
    assert not store.changed()
    (tmp_path / "late.j2").write_text("newer")
    assert store.changed() == {"late.j2"}


class Restless(Overtaken):
    """A source that has another value each time it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    async def read(self, needs: frozenset[Need], known: Snapshot | None = None) -> Snapshot:
        """Return a new one; gives up on who never has enough."""
        self.reads += 1
        assert self.reads < 20, "it is read again and again"
        return Snapshot({"a": Item("a", str(self.reads).encode(), self.reads)}, index=self.reads)


async def test_a_source_that_changes_all_the_time_is_rendered_twice(tmp_path: Path) -> None:
    """What there is after two renderings is given, and said to be overtaken: else it would never be applied."""

    def desired(view: Any, _masked: Any) -> Desired:
        view.reads.add(Need("key", "a"))
        return Desired({"f": Entry("f", "digest", content=view.snapshot.items["a"].value)})

    source: Any = Restless()
    made: Any = SimpleNamespace(name="t", desired=desired, needs=lambda: frozenset({Need("key", "a")}))
    rendered = await render_now(source, made, TemplateStore(tmp_path))
    assert (rendered.overtaken, rendered.desired.entries["f"].content, source.reads) == (True, b"3", 4)


async def test_a_target_that_wants_other_folders_each_time_fails(tmp_path: Path) -> None:
    """It is not rendered for ever."""

    def desired(view: Any, _masked: Any) -> Desired:
        raise NeedMore(frozenset({Need("folder", f"{len(asked)}/")}))

    asked: list[frozenset[Need]] = []

    async def read(needs: frozenset[Need], known: Snapshot | None = None) -> Snapshot:
        asked.append(needs)
        assert len(asked) < 200, "it is read again and again"
        return Snapshot()

    source: Any = SimpleNamespace(read=read)
    made: Any = SimpleNamespace(name="t", desired=desired, needs=lambda: frozenset({Need("key", "a")}))
    with pytest.raises(TargetError, match="new folders again and again"):
        await render_now(source, made, TemplateStore(tmp_path))


@pytest.mark.parametrize("there_before", [True, False])
async def test_a_template_that_is_edited_while_it_is_rendered_aside(there_before: bool, tmp_path: Path) -> None:
    """It was not known until then, so nobody told of the edit: it is rendered again, with the text as it is now."""
    store = TemplateStore(tmp_path)
    late = tmp_path / "late.j2"
    if there_before:
        late.write_text("old")

    def desired(view: Any, _masked: Any) -> Desired:
        text = store.load("late.j2")
        if text in ("old", None):
            late.write_text("newer")
        return Desired({"f": Entry("f", "digest", content=(text or "").encode())})

    reading._slow.add("t")
    source: Any = Overtaken(Snapshot())
    made: Any = SimpleNamespace(name="t", desired=desired, needs=lambda: frozenset({Need("key", "a")}))
    rendered = await render_now(source, made, store)
    assert (rendered.overtaken, rendered.desired.entries["f"].content) == (False, b"newer")


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
