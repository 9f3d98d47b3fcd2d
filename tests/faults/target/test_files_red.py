"""The faults of test_files, told to daemons that lack one protection: each does the harm that it prevents."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.faults.support.reader import Reader
from tests.faults.support.report import record
from tests.faults.target import mounts as disks
from tests.faults.target.kit import World, template
from tests.faults.target.mounts import needs_root
from tests.faults.target.test_files import AREA, FAULTS, ISOLATION, NOBODY, PATHS, make
from tests.support.processes import wait_until

pytestmark = [needs_root, pytest.mark.e2e]
MakeOne = Callable[..., World]


@pytest.fixture
def make_one(tmp_path: Path) -> Iterator[MakeOne]:
    """make_one(path, **target): a world with one file `app` that holds the key `v`; not started."""
    made: list[World] = []

    def make_one(path: str = "out/app", reloads: Any = None, **target: Any) -> World:
        folder = tmp_path / f"world{len(made)}"
        targets = {"app": template(folder, "app", "{{ key('v') }}\n", path, **target)}
        made.append(World(folder, targets, {"v": "first"}, reloads=reloads or {}))
        return made[-1]

    yield make_one
    for one in made:
        one.close()


def checked_again(world: World) -> None:
    """Have the daemon look at its files, and wait until it did."""
    checked = world.daemon.target("app")["last_checked_at"]
    world.reconcile()
    wait_until(lambda: world.daemon.target("app")["last_checked_at"] > checked, 10)
    wait_until(world.daemon.ready, 10)


@pytest.mark.parametrize("name", ["unreadable", "folder", "parent"])
def test_without_isolation_one_takes_all_down(tmp_path: Path, name: str) -> None:
    """Where a failure of one target is everybody's, the daemon is gone."""
    with ExitStack() as stack:
        world = make(tmp_path / "world", stack)
        running = world.start("ends_with_one_plan", wrap=disks.UNPRIVILEGED)
        FAULTS[name].break_it(world.folder / PATHS[name])
        world.put(v="second")
        wait_until(lambda: running.process.poll() is not None, 20, "the daemon ends")
    record(FAULTS[name].name, area=AREA, red_without=ISOLATION)


def test_a_mounted_file_cannot_be_renamed_over(make_one: MakeOne, tmp_path: Path) -> None:
    """Where nobody looks whether it is mounted, it never changes."""
    world = make_one(adopt=True)
    (tmp_path / "source").touch()
    with disks.mounted_file(tmp_path / "source", world.folder / "out/app") as path:
        world.start("renames_over_anything", ready=False)
        world.until_says("app", "it is mounted on its own")
        assert path.read_text() == ""
    record("a file mounted on its own", area=AREA, red_without="writing in place")


def test_a_link_replaced(make_one: MakeOne) -> None:
    """Where links are not followed, the link is gone and what it pointed to stays old."""
    world = make_one()
    (world.folder / "out").mkdir()
    (world.folder / "elsewhere").write_text("first\n")
    (world.folder / "out/app").symlink_to("../elsewhere")
    world.start("replaces_links")
    world.put(v="second")
    wait_until(lambda: (world.folder / "out/app").read_text() == "second\n", 10)
    assert not (world.folder / "out/app").is_symlink()
    assert (world.folder / "elsewhere").read_text() == "first\n"
    record("a link", area=AREA, red_without="following links to what is written")


def test_what_is_changed_by_hand_stays(make_one: MakeOne) -> None:
    """Where the journal is believed, content, mode and owner stay wrong, and the status says in sync."""
    world = make_one(user=NOBODY, mode="0664")
    path = world.folder / "out/app"
    world.start("believes_the_journal")
    path.write_text("by hand\n")
    path.chmod(0o600)
    os.chown(path, 0, 0)
    checked_again(world)
    status = path.stat()
    assert (path.read_text(), status.st_mode & 0o777, status.st_uid) == ("by hand\n", 0o600, 0)
    for what in ("content", "mode", "owner"):
        record(f"{what} changed by hand", area=AREA, red_without="comparing with what is there")


def test_a_full_state_dir_ignored(make_one: MakeOne) -> None:
    """A transaction that is in no journal is killed in its check: nobody knows that what stands there was refused."""
    world = make_one(
        reload="r",
        reloads={"r": {"check": ["sh", "-c", "! grep -q refused out/app || { kill -9 $PPID; exit 1; }"]}},
    )
    with disks.small_disk(world.folder / ".syncd", "256k") as state:
        running = world.start("begins_unwritten")
        disks.fill(state)
        world.put(v="refused")
        assert running.process.wait(20) == -9
        disks.drain(state)
        running.start()
        running.wait_ready()
        assert (world.folder / "out/app").read_text() == "refused\n"
        running.kill()
    record("disk of the state dir full", area=AREA, red_without="an intent that is written before a file is")


def test_two_that_own_one_file(tmp_path: Path) -> None:
    """Where nobody looks whose a file is, the second overwrites what the first wrote."""
    path = tmp_path / "shared.env"
    worlds = []
    for owner in ("one", "two"):
        target = {"kind": "env_file", "path": str(path), "dialect": "shell", "vars": {"V": "v"}}
        worlds.append(World(tmp_path / owner, {"app": target}, {"v": owner}))
        worlds[-1].config["owner"] = owner
    first, second = worlds
    try:
        first.start()
        held = path.read_bytes()
        with Reader(path) as reader:
            second.start("owns_everything")
            wait_until(lambda: reader.other(path, held), 10, "the second writes")
    finally:
        first.close()
        second.close()
    record("two syncd on one file", area=AREA, red_without="the owner in the file")
