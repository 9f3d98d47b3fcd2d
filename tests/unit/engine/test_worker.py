"""One worker between its passes and what is told to it meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from syncd.core.fields import Debounce
from syncd.core.model import Change, Desired, Entry, Plan
from syncd.core.snapshot import Snapshot
from syncd.engine.applying import Done
from syncd.engine.daemon import worker as working
from syncd.engine.daemon.worker import Worker
from syncd.engine.journal import Inputs
from syncd.engine.reading import Rendered
from syncd.engine.showing import Planned

A, B = (Entry(key, f"wanted-{key}", b"v", owner="me") for key in "ab")


class Calls:
    """Stands for reading, planning and applying; `during` happens while a pass plans or applies."""

    def __init__(self, target: Any) -> None:
        self.target = target
        self.during: dict[str, Any] = {}
        self.overtaken = False
        self.changes: list[Change] = []
        self.present: list[Mapping[str, Entry] | None] = []

    async def render(self, *_: object) -> Rendered:
        """Return the two wanted entries."""
        made = Rendered(self.target, Desired({"a": A, "b": B}), frozenset(), Inputs({}, {}))
        return replace(made, overtaken=self.overtaken)

    async def plan(self, *given: Any, present: Mapping[str, Entry] | None, **_: object) -> Planned:
        """Return a plan with the changes that are set; note what the target is known to hold."""
        self.present.append(present)
        self.during.get("plan", lambda: None)()
        plan = Plan("edge", "cloudflare_kv", tuple(self.changes))
        return Planned(self.target, plan, given[3], present={"a": A, "b": B} if present is None else present)

    async def apply(self, *_: object) -> tuple[dict[str, Done], None]:
        """Carry everything out."""
        self.during.get("apply", lambda: None)()
        return {"edge": Done("applied" if self.changes else "in_sync", touched=bool(self.changes))}, None


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Put `Calls` in the place of what a pass does."""
    found = Calls(SimpleNamespace(name="edge", kind="cloudflare_kv", config=SimpleNamespace(debounce=None)))

    async def nothing(*_: object) -> tuple[dict[str, Any], list[Any]]:
        return {}, []

    monkeypatch.setattr(working, "plan_target", found.plan)
    monkeypatch.setattr(working, "apply_group", found.apply)
    monkeypatch.setattr(working, "roll_back_asked", nothing)
    monkeypatch.setattr(working, "marked", lambda done, *_: done)
    monkeypatch.setattr(working, "waits_of", lambda _: {})
    return found


def worker(calls: Calls) -> Worker:
    """Return a worker of one remote target, among stand-ins that note nothing."""
    setup: Any = SimpleNamespace(
        config=SimpleNamespace(
            owner="me", debounce=Debounce.model_validate({"quiet": "0ms", "max": "0ms"}), reloads={}
        ),
        state=SimpleNamespace(path=Path("/nowhere"), pauses=None),
        templates=SimpleNamespace(latest=lambda *_: None),
        redaction=lambda _: None,
    )
    board = SimpleNamespace(
        targets={"edge": None}, pending=lambda *_: None, note=lambda *_, **__: SimpleNamespace(state="x")
    )
    shared: Any = SimpleNamespace(
        source=SimpleNamespace(snapshot=Snapshot()),
        journal=None,
        board=board,
        observer=SimpleNamespace(passed=lambda _: None),
    )
    made = Worker(setup, shared, None, [calls.target])
    made._old = SimpleNamespace(  # type: ignore[assignment]
        render=calls.render, seen=lambda *_: set(), try_again=lambda: None
    )
    made._reporter = SimpleNamespace(report=lambda *_: None)  # type: ignore[assignment]
    return made


@pytest.mark.parametrize("when", ["plan", "apply"])
async def test_what_is_found_wrong_during_a_pass_is_repaired_by_the_next(when: str, calls: Calls) -> None:
    """A value read back while the pass writes another one: the next pass knows what it holds, without a full read."""
    one = worker(calls)
    await one._pass()
    calls.changes = [Change("update", "a", "old", A.digest, entry=A)]
    calls.during[when] = lambda: one._wrong("edge", {"a": "bad-a", "b": "bad-b"})
    one._mark({"edge"})
    await one._pass()
    calls.changes, calls.during = [], {}
    assert one._agenda.delay_s() is not None
    await one._pass()
    assert calls.present[-1] is not None
    assert {key: entry.digest for key, entry in calls.present[-1].items()} == {"a": A.digest, "b": "bad-b"}


async def test_what_was_overtaken_is_rendered_by_another_pass(calls: Calls) -> None:
    """It is applied as it is, and a pass follows, after the debounce."""
    one = worker(calls)
    calls.overtaken = True
    await one._pass()
    assert one._agenda.delay_s() is not None
    calls.overtaken = False
    await one._pass()
    assert one._agenda.delay_s() is None
