"""What the web is told of plans: a target is asked once for each of them, however many look."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from syncd.core.model import Change, Desired, Plan
from syncd.core.status import Status
from syncd.engine.daemon.telling import Telling
from syncd.engine.journal import Inputs
from syncd.engine.reading import Rendered
from syncd.engine.showing import Planned


class Edge:
    """A remote target that answers when it is let."""

    name, kind, config = "edge", "cloudflare_kv", None

    def __init__(self) -> None:
        self.asked: list[tuple[int, bool]] = []
        self.answers = asyncio.Event()
        self.fails = False

    async def values(self, keys: Sequence[str], *, spare: bool = False) -> Mapping[str, bytes]:
        """Note what was asked for."""
        self.asked.append((len(keys), spare))
        await self.answers.wait()
        if self.fails:
            raise RuntimeError("a fault of ours")
        return dict.fromkeys(keys, b"old")


def planned(edge: Any) -> Planned:
    """Return a plan that updates 300 pairs."""
    changes = tuple(Change("update", f"k{number}", "o", "n") for number in range(300))
    rendered = Rendered(edge, Desired(), frozenset(), Inputs({}, {}))
    return Planned(edge, Plan("edge", "cloudflare_kv", changes), rendered)


def telling(plans: dict[str, Planned]) -> Telling:
    """Return what tells of these plans, which may be replaced."""
    crew: Any = SimpleNamespace(planned=plans.get)
    nothing: Any = None

    def none() -> Any:
        return None

    return Telling(none, nothing, crew, lambda: _no_status(), lambda: (b"", ""), None)


def _no_status() -> Status:
    raise AssertionError("nobody asks for it")


async def test_many_look_and_one_asks() -> None:
    """Fifty requests for one plan are one call with what can be spared; a new plan is one more."""
    edge = Edge()
    plans = {"edge": planned(edge)}
    told = telling(plans)
    looking = [asyncio.create_task(told.plan("edge")) for _ in range(50)]
    await asyncio.sleep(0)
    looking.pop().cancel()  # who goes away takes the answer from nobody
    edge.answers.set()
    shown = await asyncio.gather(*looking)
    assert edge.asked == [(100, True)]
    assert {one.changes[0].old for one in shown if one is not None} == {"old"}
    await told.plan("edge")
    assert len(edge.asked) == 1
    plans["edge"] = planned(edge)
    await told.plan("edge")
    assert len(edge.asked) == 2


async def test_a_fault_is_not_kept() -> None:
    """Who asks after it gets an answer; a target without a plan has none."""
    edge = Edge()
    edge.answers.set()
    edge.fails = True
    told = telling({"edge": planned(edge)})
    with pytest.raises(RuntimeError):
        await told.plan("edge")
    edge.fails = False
    assert await told.plan("edge") is not None
    assert await told.plan("nobody") is None
