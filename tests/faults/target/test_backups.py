"""Backups that somebody else could take: another syncd beside, a journal that is lost, a file that is mounted.

A pass is killed by its own check, so that what it put in place was never validated and its backup lies there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.faults.support.report import record
from tests.faults.support.running import Running
from tests.faults.target import mounts as disks
from tests.faults.target.kit import SOURCE, World, template
from tests.faults.target.mounts import needs_root
from tests.support.cli import syncd_cli

NOBODY = 65534
CHECK = "! grep -q refused out/app || { test ! -e bomb || { rm bomb; kill -9 $PPID; }; exit 1; }"
MakeWorld = Callable[..., World]


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    """What is to be closed or unmounted, last first."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def make_world(tmp_path: Path, ends: ExitStack) -> MakeWorld:
    """make_world(name, **target): a world with one file `app` whose check refuses a value, and its reload."""

    def make(name: str = "world", **target: Any) -> World:
        folder = tmp_path / name
        reload = {"check": ["sh", "-c", CHECK], "run": ["sh", "-c", "cksum < out/app >> loaded"]}
        one = template(folder, "app", "{{ key('v') }}\n", "out/app", reload="r", **target)
        world = World(folder, {"app": one}, {"v": "first"}, reloads={"r": reload})
        ends.callback(world.close)
        return world

    return make


def killed(world: World, without: str = "") -> Running:
    """Start a daemon and have it killed while what it put in place is checked."""
    running = world.start(without)
    (world.folder / "bomb").touch()
    world.put(v="refused")
    assert running.process.wait(20) == -9
    assert held(world) == "refused\n", "it was killed after the swap"
    return running


def held(world: World) -> str:
    """Return what the file holds."""
    return (world.folder / "out/app").read_text()


def names(world: World, folder: str) -> list[str]:
    """Return what lies in a folder."""
    return sorted(path.name for path in (world.folder / folder).iterdir())


def other_passes_beside(world: World, folder: Path, without: str = "") -> None:
    """Have another syncd, with a state dir of its own, do a pass on the same file, which is not its own."""
    path = str(world.folder / "out/app")
    other = World(folder, {"app": template(folder, "app", "{{ key('v') }}\n", path)}, {"v": "another"})
    other.config["owner"] = "another"
    running = other.start(without, ready=False)
    other.until_says("app", "")
    running.close()


NEIGHBOUR = "another syncd starts while one that was killed has files to put back"


def test_a_neighbour_does_not_take_our_backup(make_world: MakeWorld, tmp_path: Path) -> None:
    """The old file is put back by the syncd whose it is, and nothing stays beside it."""
    world = make_world()
    running = killed(world)
    left = names(world, "out")
    assert len(left) == 2
    other_passes_beside(world, tmp_path / "neighbour")
    assert names(world, "out") == left
    running.start()
    world.until_says("app", "all files of the group are as they were")
    assert held(world) == "first\n"
    assert names(world, "out") == ["app"]
    record(NEIGHBOUR, area="Files", injected="kill -9, a second state dir", times=1)


@pytest.mark.e2e
def test_without_a_mark_it_does(make_world: MakeWorld, tmp_path: Path) -> None:
    """The backup is swept, and what was never checked stays."""
    world = make_world()
    running = killed(world, "one_mark_for_all")
    other_passes_beside(world, tmp_path / "neighbour", "one_mark_for_all")
    running.start()
    running.wait_ready()
    assert held(world) == "refused\n"
    record(NEIGHBOUR, area="Files", red_without="the mark of the state dir in a backup's name")


LOST = "the journal is damaged while a transaction is under way"


@pytest.mark.parametrize("mounted", [False, pytest.param(True, marks=[needs_root, pytest.mark.e2e])])
def test_a_journal_that_is_lost_in_a_transaction(make_world: MakeWorld, ends: ExitStack, mounted: bool) -> None:
    """What was not validated is taken back, the log says so, and the file is still ours: a good value heals it."""
    world = make_world(adopt=mounted)
    if mounted:
        (world.folder / "source").touch()
        ends.enter_context(disks.mounted_file(world.folder / "source", world.folder / "out/app"))
    running = killed(world)
    damage(world)
    running.start()
    world.until_says("app", "all files of the group are as they were")
    assert held(world) == "first\n"
    assert [Path(event["file"]).name for event in running.events("backup_found")] == ["app"]
    assert running.events("transaction_rolled_back")[-1]["groups"] == ["reload:r"]
    world.put(v="second")
    running.wait_ready()
    assert held(world) == "second\n"
    assert names(world, "out") == ["app"]
    assert not list((world.folder / ".syncd/backups").glob("*"))
    record(LOST, area="Files", injected="kill -9, journal.db overwritten", times=1)


@pytest.mark.e2e
def test_a_journal_that_is_lost_with_its_backups(make_world: MakeWorld) -> None:
    """Where nobody looks for backups, what the check refuses stays in place."""
    world = make_world()
    running = killed(world, "forgets_backups_with_the_journal")
    damage(world)
    running.start()
    world.until_says("app", "check of r failed")
    assert held(world) == "refused\n"
    record(LOST, area="Files", red_without="looking for backups where the journal is new")


@pytest.mark.e2e
def test_a_dry_run_shows_what_goes_back(make_world: MakeWorld) -> None:
    """With a damaged journal `plan` compares with the backup, and writes nothing."""
    world = make_world()
    killed(world)
    damage(world)
    before = names(world, "out") + names(world, ".syncd")
    done = syncd_cli("plan", "--hide-values", "--format", "json", *SOURCE, cwd=world.folder)
    assert done.rc == 0, done
    (change,) = json.loads(done.stdout)["targets"][0]["changes"]
    assert change["op"] == "update", "what is in place is what is wanted, and was never checked"
    assert names(world, "out") + names(world, ".syncd") == before


def damage(world: World) -> None:
    """Overwrite the journal with what is none."""
    (world.folder / ".syncd/journal.db").write_bytes(b"what the disk gave back" * 500)


REFUSED_MOUNT = "a check refuses a file mounted on its own"


def refused_in_place(world: World, ends: ExitStack, without: str = "") -> os.stat_result:
    """Have the check refuse a mounted file whose owner and mode would change, too; return how it is then."""
    source = world.folder / "source"
    source.write_text("old\n")
    source.chmod(0o640)
    os.chown(source, NOBODY, NOBODY)
    path = ends.enter_context(disks.mounted_file(source, world.folder / "out/app"))
    world.put(v="refused")
    world.start(without, ready=False)
    world.until_says("app", "all files of the group are as they were")
    assert path.read_text() == "old\n"
    return path.stat()


@needs_root
def test_a_mounted_file_goes_back_with_owner_and_mode(make_world: MakeWorld, ends: ExitStack) -> None:
    """Content, mode and owner are all as they were."""
    status = refused_in_place(make_world(adopt=True, user=0, group=0, mode="0644"), ends)
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (NOBODY, NOBODY, 0o640)
    record(REFUSED_MOUNT, area="Files", injected="mount --bind, a check", times=1)


@needs_root
@pytest.mark.e2e
def test_without_its_owner_it_goes_back_as_another_s(make_world: MakeWorld, ends: ExitStack) -> None:
    """Where the owner is not remembered, the file stays whoever's the refused one was."""
    status = refused_in_place(make_world(adopt=True, user=0, group=0), ends, "keeps_their_owner")
    assert (status.st_uid, status.st_gid) == (0, 0)
    record(REFUSED_MOUNT, area="Files", red_without="remembering mode and owner")
