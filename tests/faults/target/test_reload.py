"""Reloads and checks that fail, hang, are missing, or whose daemon is killed: what is owed is done in the end, once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.support.report import record
from tests.faults.target.kit import World, template
from tests.support.processes import wait_until

AREA = "Reload"
OWED = "the journal's owed reloads"
NOTE = "cksum < out/app >> loaded"
"""What the consumer does: it writes down what it loaded."""
MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[MakeWorld]:
    """make_world(**reload): a world with one file `app` and its reload, and one `beside` with another reload."""
    made: list[World] = []

    def make(name: str = "world", **reload: Any) -> World:
        folder = tmp_path / name
        targets = {
            "app": template(folder, "app", "{{ key('v') }}\n", "out/app", reload="r"),
            "beside": template(folder, "beside", "{{ key('v') }}\n", "out/beside", reload="other"),
        }
        reloads = {"r": reload, "other": {"run": ["sh", "-c", "cksum < out/beside >> beside"]}}
        made.append(World(folder, targets, {"v": "first"}, reloads=reloads))
        return made[-1]

    yield make
    for one in made:
        one.close()


def shell(script: str) -> list[str]:
    """Return the argv of a shell script."""
    return ["sh", "-c", script]


def lines(world: World, name: str = "loaded") -> list[str]:
    """Return what a reload wrote down."""
    path = world.folder / name
    return path.read_text().splitlines() if path.exists() else []


def served(world: World) -> bool:
    """Return whether what was loaded last is what is in place."""
    return lines(world)[-1:] == lines(world, "beside")[-1:]


def alive(pid: int) -> bool:
    """Return whether a process runs."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def goes_on_beside(world: World, value: str) -> None:
    """See that the other target and its reload follow, whatever the first one does."""
    expected = len(lines(world, "beside")) + 1
    world.put(v=value)
    wait_until(lambda: (world.folder / "out/beside").read_text() == f"{value}\n", 10)
    wait_until(lambda: len(lines(world, "beside")) >= expected, 10)
    wait_until(lambda: world.daemon.states()["beside"] == "in_sync", 10)


def test_a_reload_that_fails_hangs_or_is_missing(make_world: MakeWorld) -> None:
    """Three daemons at once: each says it in its own words, keeps the file, tries again, and gets there by itself."""
    failing = make_world("failing", run=shell("test ! -e broken || { echo bad luck; exit 7; }; " + NOTE))
    ignores = "trap '' TERM; (trap '' TERM; exec sleep 300) & echo $! >> children; wait"
    hanging = make_world("hanging", run=shell(f"if test -e broken; then {ignores}; fi; {NOTE}"), timeout="500ms")
    missing = make_world("missing", run=["./reload.sh"])
    (missing.folder / "reload.sh").write_text("#!/bin/sh\n" + NOTE + "\n")
    (missing.folder / "reload.sh").chmod(0o755)
    worlds = (failing, hanging, missing)
    for world in worlds:
        world.start(ready=False)
    for world in worlds:
        world.daemon.wait_ready()
        (world.folder / "broken").touch()
    (missing.folder / "reload.sh").rename(missing.folder / "elsewhere")
    for world in worlds:
        goes_on_beside(world, "second")
    failing.until_says("app", "reload of r failed (exit code 7)")
    assert failing.says("app", "bad luck")
    hanging.until_says("app", "took longer than 0.5 s and was ended")
    missing.until_says("app", "cannot run './reload.sh' (No such file or directory)")
    children = [int(pid) for pid in lines(hanging, "children")]
    wait_until(lambda: not any(alive(pid) for pid in children), 5, "the whole process group is ended")
    for world in worlds:
        assert (world.folder / "out/app").read_text() == "second\n"
        (world.folder / "broken").unlink()
    (missing.folder / "elsewhere").rename(missing.folder / "reload.sh")
    mended = time.monotonic()
    for world, fault in ((failing, "a reload that fails"), (hanging, "a reload that hangs"), (missing, "no binary")):
        wait_until(world.daemon.ready, 40)
        assert served(world)
        times = max(1, len(lines(world, "children")))
        record(fault, area=AREA, injected="by the command", times=times, recover_s=time.monotonic() - mended)


def test_a_check_that_refuses(make_world: MakeWorld) -> None:
    """The file goes back, nothing is reloaded; a good value heals it. The other target follows at once."""
    world = make_world(check=shell("! grep -q refused out/app"), run=shell(NOTE))
    world.start()
    before = lines(world)
    goes_on_beside(world, "refused")
    world.until_says("app", "all files of the group are as they were: check of r failed")
    assert (world.folder / "out/app").read_text() == "first\n"
    assert lines(world) == before
    began = time.monotonic()
    world.put(v="second")
    wait_until(world.daemon.ready, 20)
    assert served(world)
    took_s = time.monotonic() - began
    record("a check that refuses", area=AREA, injected="by the command", times=1, recover_s=took_s)


KILL = "kill -9 $PPID; exit 1"


@pytest.mark.parametrize("where", ["reload", pytest.param("check", marks=pytest.mark.e2e)])
def test_killed_by_its_own_command(make_world: MakeWorld, where: str) -> None:
    """kill -9 of the daemon, by the reload or the check that it runs: the next start finishes or rolls back."""
    bomb = "if test -e bomb; then rm bomb; " + KILL + "; fi; "
    check = bomb if where == "check" else ""
    world = make_world(check=shell(check + "! grep -q refused out/app"), run=shell((bomb if not check else "") + NOTE))
    running = world.start()
    before = lines(world)
    (world.folder / "bomb").touch()
    world.put(v="refused" if where == "check" else "second")
    assert running.process.wait(20) == -9
    left = (world.folder / "out/app").read_text()
    assert left == ("refused\n" if where == "check" else "second\n"), "it was killed after the swap"
    assert lines(world) == before
    if where == "check":
        world.put(v="second")
    began = time.monotonic()
    running.start()
    running.wait_ready()
    took_s = time.monotonic() - began
    assert (world.folder / "out/app").read_text() == "second\n"
    assert served(world)
    assert not list((world.folder / "out").glob(".*"))
    assert len(running.events("transaction_rolled_back")) == (where == "check")
    fault = "daemon killed between swap and reload" if where == "reload" else "daemon killed between swap and check"
    record(fault, area=AREA, injected="kill -9", times=1, recover_s=took_s)


@pytest.mark.e2e
def test_without_the_journal_an_owed_reload_is_lost(make_world: MakeWorld) -> None:
    """The daemon is killed before the reload; the next start finds the file as it should be, and reloads nothing."""
    world = make_world(run=shell(f"if test -e bomb; then rm bomb; {KILL}; fi; {NOTE}"))
    running = world.start("forgets_owed_reloads")
    (world.folder / "bomb").touch()
    world.put(v="second")
    assert running.process.wait(20) == -9
    running.start()
    running.wait_ready()
    assert not served(world)
    record("daemon killed between swap and reload", area=AREA, red_without=OWED)


@pytest.mark.e2e
def test_without_recovery_what_was_never_checked_stays(make_world: MakeWorld) -> None:
    """The daemon is killed in the check; the next start takes what the check would have refused for its own."""
    bomb = f"if test -e bomb; then rm bomb; {KILL}; fi; "
    world = make_world(check=shell(bomb + "! grep -q refused out/app"), run=shell(NOTE))
    running = world.start("no_recovery")
    (world.folder / "bomb").touch()
    world.put(v="refused")
    assert running.process.wait(20) == -9
    running.start()
    running.wait_ready()
    assert (world.folder / "out/app").read_text() == "refused\n"
    record("daemon killed between swap and check", area=AREA, red_without="rolling back what was begun")


@pytest.mark.e2e
def test_without_the_check_anything_is_loaded(make_world: MakeWorld) -> None:
    """What the check would refuse is reloaded."""
    world = make_world(check=shell("! grep -q refused out/app"), run=shell(NOTE))
    world.start("no_check")
    world.put(v="refused")
    wait_until(lambda: (world.folder / "out/app").read_text() == "refused\n", 10)
    wait_until(lambda: len(lines(world)) == 2, 10)
    record("a check that refuses", area=AREA, red_without="the check, and the way back")


@pytest.mark.e2e
def test_without_ending_the_group_children_stay(make_world: MakeWorld) -> None:
    """Where only the first process is ended, what it started goes on."""
    world = make_world(run=shell("sleep 60 & echo $! >> children; wait"), timeout="300ms")
    world.start("ends_only_the_leader", ready=False)
    world.until_says("app", "took longer than 0.3 s")
    children = [int(pid) for pid in lines(world, "children")]
    assert any(alive(pid) for pid in children)
    for pid in children:
        if alive(pid):
            import os

            os.kill(pid, 9)
    record("a reload that hangs", area=AREA, red_without="ending the whole process group")


@pytest.mark.e2e
@pytest.mark.parametrize("fault", ["a reload that fails", "no binary"])
def test_without_the_journal_a_failed_reload_is_forgotten(make_world: MakeWorld, fault: str) -> None:
    """The next pass finds the file as it should be and says in sync; what was loaded is the old one."""
    world = make_world(run=["./reload.sh"])
    script, away = world.folder / "reload.sh", world.folder / "elsewhere"
    script.write_text(f"#!/bin/sh\ntest ! -e broken || exit 7\n{NOTE}\n")
    script.chmod(0o755)
    world.start("forgets_owed_reloads")
    before = lines(world)
    if fault == "no binary":
        script.rename(away)
    else:
        (world.folder / "broken").touch()
    world.put(v="second")
    wait_until(lambda: "failed" in [event["state"] for event in world.daemon.events("reload")], 20)
    if fault == "no binary":
        away.rename(script)
    else:
        (world.folder / "broken").unlink()
    world.daemon.wait_ready()
    assert (world.folder / "out/app").read_text() == "second\n"
    assert lines(world) == before
    record(fault, area=AREA, red_without=OWED)
