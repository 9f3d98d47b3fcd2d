"""Templates that loop keep nobody waiting, neither another target nor the renewal of the lock; they heal alone."""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.faults.support.report import record
from tests.faults.target.kit import World, template
from tests.support.instances import Instance, instances
from tests.support.processes import wait_until
from tests.support.stack import Stack, stack

__all__ = ["instances", "stack"]
AREA = "Isolation"
FOREVER = "{{ ('a' * 40 ~ 'b') | regex_replace('(a+)+$', '') }}"
"""No loop of the template's own, which would end by the number of its passes."""
LOOPS = "{% if key('v') == 'loop' %}" + FOREVER + "{% endif %}{{ key('v') }}\n"
LOOPING = "a template that loops"
ASIDE = "renderings in a process of their own"
LIMIT = "rendering takes more than 5 s"


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[[], World]]:
    """make_world(): a target `good` between two whose templates loop for one value of a key."""
    made: list[World] = []

    def make() -> World:
        texts = {"before": LOOPS, "good": "{{ key('v') }}\n", "after": LOOPS}
        targets = {name: template(tmp_path, name, text, f"out/{name}") for name, text in texts.items()}
        made.append(World(tmp_path, targets, {"v": "first"}))
        return made[-1]

    yield make
    for one in made:
        one.close()


def failures(world: World, name: str) -> list[dict[str, Any]]:
    """Return each time that the log says of a target that its rendering took too long."""
    return [event for event in world.daemon.events("target") if event["target"] == name and LIMIT in str(event)]


def answers(world: World) -> bool:
    """Return whether the event loop gets to answer within 2 s: a template that loops in it keeps it for 5 s."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{world.daemon.port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def until(world: World, condition: Callable[[], Any], deadline_s: float) -> None:
    """Wait for a condition, and see that the daemon answers all the time until then."""

    def seen() -> Any:
        assert answers(world), "the event loop stands still"
        return condition()

    wait_until(seen, deadline_s)


@pytest.mark.e2e
def test_others_follow_while_templates_loop(make_world: Callable[[], World]) -> None:
    """The good one has followed before the first of the others gives up; the daemon answers all the time."""
    world = make_world()
    world.start()
    world.put(v="loop")
    until(world, lambda: (world.folder / "out/good").read_text() == "loop\n", 10)
    assert not failures(world, "before")
    assert not failures(world, "after")
    for name in ("before", "after"):
        until(world, lambda name=name: world.says(name, f"{name}.j2:1: {LIMIT}"), 20)
        assert (world.folder / f"out/{name}").read_text() == "first\n"
        assert world.daemon.target(name)["next_retry_at"] is not None
    world.put(v="second")
    world.daemon.wait_ready()
    assert {(world.folder / f"out/{name}").read_text() for name in world.config["targets"]} == {"second\n"}
    record(LOOPING, area=AREA, injected="a regular expression that explodes for one value", times=2)


@pytest.mark.e2e
def test_it_is_not_tried_more_often_than_its_pause_allows(make_world: Callable[[], World]) -> None:
    """Each pause is at least twice the one before: 1 s, 2 s, 4 s, and the 5 s of the rendering come on top."""
    world = make_world()
    world.start()
    world.put(v="loop")
    tries: list[float] = []

    def seen() -> bool:
        at = world.daemon.target("before")["next_retry_at"]
        tries.extend([at] if at is not None and at not in tries else [])
        return len(tries) == 4

    wait_until(seen, 60)
    pauses = [later - earlier for earlier, later in pairwise(tries)]
    assert all(pause >= 2**number + 4 for number, pause in enumerate(pauses, 1)), pauses
    assert len(failures(world, "before")) == 1, "said once"
    record(LOOPING, area=AREA, injected="a regular expression that explodes for one value", times=4)


@pytest.mark.e2e
def test_rendered_in_the_loop_it_keeps_all_waiting(make_world: Callable[[], World]) -> None:
    """While one uses up its time the daemon answers nobody, whoever comes first; all that follows has to wait."""
    world = make_world()
    world.start("renders_in_the_loop")
    assert answers(world)
    world.put(v="loop")
    wait_until(lambda: not answers(world), 30)
    wait_until(lambda: failures(world, "before") + failures(world, "after"), 30)
    record(LOOPING, area=AREA, red_without=ASIDE)


LEADER = "templates of the leader that loop"
SEVERAL = 4


def loops_on(stack: Stack, folder: Path) -> list[str]:
    """Give the stack's instances templates that loop for one value of a key; return their names."""
    names = [f"loop{number}" for number in range(SEVERAL)]
    for name in names:
        stack.config["targets"][name] = template(folder, name, LOOPS, f"out/{name}")
        stack.config["targets"][name]["template"] = str(folder / f"{name}.j2")
    stack.put(v="first")
    return names


def _tried(leader: Instance, name: str, seen: set[float]) -> int:
    """Return how often a target was tried so far, by the different times at which it is to be tried next."""
    if (at := leader.target(name).get("next_retry_at")) is not None:
        seen.add(round(at, 1))
    return len(seen)


@pytest.mark.e2e
def test_the_leader_keeps_its_lock(stack: Stack, instances: Callable[..., list[Instance]], tmp_path: Path) -> None:
    """While four of its templates loop again and again it renews in time, and writes."""
    names = loops_on(stack, tmp_path / "templates")
    leader, follower = instances("a", "b")
    stack.put(v="loop")
    for name in names:
        wait_until(lambda name=name: LIMIT in str(leader.target(name)), 60)
    tries: dict[str, set[float]] = {name: set() for name in names}  # a repeated error is logged once
    wait_until(lambda: all(_tried(leader, name, seen) >= 2 for name, seen in tries.items()), 90)
    stack.put(config__domains__api="https://while.example.com")
    wait_until(lambda: any("config/domains/api" in write.keys for write in leader.proxy.writes), 20)
    assert leader.leading()
    assert not follower.proxy.writes
    assert "lock_unavailable" not in leader.log
    assert "lock_lost" not in leader.log
    stack.put(v="second")
    for name in names:
        wait_until(lambda name=name: leader.target(name)["state"] == "in_sync", 40)
    record(LEADER, area=AREA, injected="a regular expression that explodes for one value", times=2 * SEVERAL)


@pytest.mark.e2e
def test_rendered_in_the_loop_the_lock_is_not_renewed(
    stack: Stack, instances: Callable[..., list[Instance]], tmp_path: Path
) -> None:
    """The renewals that are due do not get their turn, and the lease runs out."""
    loops_on(stack, tmp_path / "templates")
    command = (sys.executable, "-m", "tests.faults.support.unprotected", "renders_in_the_loop")
    (leader,) = instances("a", command=command)
    stack.put(v="loop")
    wait_until(lambda: "lock_unavailable" in leader.log, 60)
    record(LEADER, area=AREA, red_without=ASIDE)
