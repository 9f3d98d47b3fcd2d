"""Renderings in a copy of this process: what is overtaken meanwhile, by the source or by an edit."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from syncd.core.errors import TargetError
from syncd.core.model import Desired, Entry, Item, Need
from syncd.core.snapshot import NeedMore, Snapshot
from syncd.engine import reading
from syncd.engine.reading import render_aside, render_now
from syncd.engine.templates import TemplateStore
from tests.unit.engine.test_aside import forever


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
