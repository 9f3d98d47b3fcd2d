"""Files that cannot be written: each keeps what it had, says why in its own words, delays nobody, and heals alone."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.support.reader import Reader
from tests.faults.support.report import record
from tests.faults.target import mounts as disks
from tests.faults.target.kit import World, template
from tests.faults.target.mounts import mounts, needs_root
from tests.support.processes import wait_until

__all__ = ["mounts"]
pytestmark = needs_root
AREA = "Files"
ISOLATION = "one worker per target"
NOBODY = 65534
TEXT = "{{ (key('v') ~ '\\n') * 4000 }}"
"""More than a page, so that half of it can be seen."""
PATHS = {
    "good": "out/good",
    "full": "out/full/app",
    "readonly": "out/readonly/app",
    "denied": "out/denied/app",
    "unreadable": "out/unreadable/app",
    "parent": "out/parent/deep/app",
    "folder": "out/folder",
    "mounted": "out/mounted",
    "linked": "out/linked",
    "owned": "out/owned",
}


@dataclass(frozen=True)
class Fault:
    """How one target is made to fail, and to work again; `words` are in its status."""

    name: str
    injected: str
    words: str
    break_it: Callable[[Path], None]
    mend: Callable[[Path], None]


def give_away(path: Path) -> None:
    """Make the folder somebody else's."""
    os.chown(path.parent, NOBODY, NOBODY)


def take_back(path: Path) -> None:
    """Make the folder ours again."""
    os.chown(path.parent, 0, 0)


def hide(path: Path) -> None:
    """Make the file somebody else's, whom alone it lets read."""
    path.chmod(0o600)
    os.chown(path, NOBODY, NOBODY)


def show(path: Path) -> None:
    """Make it ours again."""
    os.chown(path, 0, 0)


def block_parent(path: Path) -> None:
    """Put a file where a parent folder was."""
    shutil.rmtree(path.parents[1])
    path.parents[1].touch()


def block(path: Path) -> None:
    """Put a folder where the file was."""
    path.unlink()
    path.mkdir()


FAULTS = {
    "full": Fault(
        "disk full",
        "a file system of 256 KiB, filled",
        "No space left on device); free some space",
        lambda path: disks.fill(path.parent),
        lambda path: disks.drain(path.parent),
    ),
    "readonly": Fault(
        "read-only file system",
        "remount,ro",
        "Read-only file system); mount it writable",
        lambda path: disks.remount(path.parent, "ro"),
        lambda path: disks.remount(path.parent, "rw"),
    ),
    "denied": Fault("no permission for the folder", "chown", "give syncd the right", give_away, take_back),
    "unreadable": Fault("no permission for the file", "chown", "cannot be read (Permission denied)", hide, show),
    "parent": Fault(
        "a parent that cannot be made",
        "a file in its place",
        "a file is in the way of a folder",
        block_parent,
        lambda path: path.parents[1].unlink(),
    ),
    "folder": Fault(
        "a folder in the way", "mkdir", "is not a regular file; move it away", block, lambda path: path.rmdir()
    ),
}


def content(value: str) -> bytes:
    """Return what a file holds of a value."""
    return f"{value}\n".encode() * 4000


def make(folder: Path, stack: ExitStack) -> World:
    """Return the world with its mounts, its link, and its daemon not started."""
    for name in ("full", "readonly"):
        stack.enter_context(disks.small_disk(folder / "out" / name, "256k"))
    (folder / "elsewhere").mkdir(parents=True)
    source = folder / "elsewhere/mounted"
    source.write_bytes(b"")
    stack.enter_context(disks.mounted_file(source, folder / "out/mounted"))
    (folder / "out/linked").symlink_to("../elsewhere/linked")
    targets = {name: template(folder, name, TEXT, path) for name, path in PATHS.items()}
    targets["owned"] |= {"user": NOBODY, "group": NOBODY, "mode": "0664"}
    targets["mounted"]["adopt"] = True
    return World(folder, targets, {"v": "first"})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, mounts: ExitStack) -> Iterator[World]:
    """A world in sync, with a daemon that may no more than a user who is not root."""
    one = make(tmp_path_factory.mktemp("files") / "world", mounts)
    one.start(wrap=disks.UNPRIVILEGED)
    yield one
    one.close()


def has(world: World, name: str, value: str) -> bool:
    """Return whether a target's file holds a value."""
    try:
        return (world.folder / PATHS[name]).read_bytes() == content(value)
    except OSError:
        return False


def test_six_targets_that_fail_and_four_that_do_not(world: World) -> None:
    """All at once: the others follow a change, and each of the six says what is wrong with it; mended, they follow."""
    paths = {name: world.folder / path for name, path in PATHS.items()}
    old = world.keys["v"]
    inode, elsewhere = paths["mounted"].stat().st_ino, world.folder / "elsewhere/linked"
    with Reader(*[paths[name] for name in ("good", "full", "readonly", "linked")]) as reader:
        for name, fault in FAULTS.items():
            fault.break_it(paths[name])
        world.put(v="second")
        for name in PATHS.keys() - FAULTS.keys():
            wait_until(lambda name=name: has(world, name, "second"), 10, f"{name} follows")
        for name, fault in FAULTS.items():
            world.until_says(name, fault.words)
            assert world.daemon.target(name)["next_retry_at"] > time.time() - 5
        for name in ("full", "readonly", "denied"):
            assert has(world, name, old), name
        for name, fault in FAULTS.items():
            fault.mend(paths[name])
        mended = time.monotonic()
        wait_until(world.daemon.ready, 40, world.daemon.readyz()[1])
        took_s = time.monotonic() - mended
    assert all(has(world, name, "second") for name in PATHS)
    wrong = [reader.other(path, content(old), content("second")) for path in reader.seen]
    assert not any(wrong)
    assert paths["mounted"].stat().st_ino == inode
    assert paths["linked"].is_symlink()
    assert elsewhere.read_bytes() == content("second")
    assert not list((world.folder / "out").rglob(".*")), "nothing is left beside"
    for fault in FAULTS.values():
        record(fault.name, area=AREA, injected=fault.injected, times=1, recover_s=took_s)
    record("a file mounted on its own", area=AREA, injected="mount --bind", times=1)
    record("a link", area=AREA, injected="symlink to another folder", times=1)


def test_changed_by_hand(world: World) -> None:
    """Content, mode and owner are put back by the next reconcile, which nobody has to ask for."""
    paths = {name: world.folder / path for name, path in PATHS.items()}
    value = world.keys["v"]
    began = time.monotonic()
    paths["good"].write_text("by hand\n")
    paths["denied"].chmod(0o666)
    os.chown(paths["owned"], 0, 0)
    paths["owned"].chmod(0o600)
    world.reconcile()
    wait_until(lambda: has(world, "good", value), 10)
    wait_until(lambda: paths["denied"].stat().st_mode & 0o777 == 0o644, 10)
    wait_until(lambda: (paths["owned"].stat().st_uid, paths["owned"].stat().st_gid) == (NOBODY, NOBODY), 10)
    assert paths["owned"].stat().st_mode & 0o777 == 0o664
    wait_until(world.daemon.ready, 10)
    for what in ("content", "mode", "owner"):
        record(f"{what} changed by hand", area=AREA, injected="write, chmod, chown", times=1)
    assert time.monotonic() - began < 30


@pytest.mark.e2e
def test_a_full_state_dir(tmp_path: Path, mounts: ExitStack) -> None:
    """Nothing is written that could not be undone: all keep what they have, and say so; with space, all follow."""
    state = mounts.enter_context(disks.small_disk(tmp_path / "state", "256k"))
    targets = {name: template(tmp_path, name, TEXT, f"out/{name}") for name in "ab"}
    world = World(tmp_path, targets, {"v": "first"}, state_dir="state")
    try:
        world.start()
        disks.fill(state)
        world.put(v="second")
        for name in "ab":
            world.until_says(name, "the journal in state_dir cannot be written")
            assert (tmp_path / "out" / name).read_bytes() == content("first")
        code, _, err = world.once()
        assert (code, "in use by syncd run" in err) == (1, True)
        disks.drain(state)
        began = time.monotonic()
        wait_until(world.daemon.ready, 40)
        took_s = time.monotonic() - began
        assert [(tmp_path / "out" / name).read_bytes() for name in "ab"] == [content("second")] * 2
        assert not list((tmp_path / "out").glob(".*"))
    finally:
        world.close()
    record("disk of the state dir full", area=AREA, injected="a small file system", times=1, recover_s=took_s)


def test_two_syncd_on_one_file(tmp_path: Path) -> None:
    """Two daemons with a state dir each: the second says whose the file is and writes nothing."""
    variables = {"dialect": "shell", "vars": {"V": "v"}}
    worlds = []
    for owner in ("one", "two"):
        target = {"kind": "env_file", "path": str(tmp_path / "shared.env"), **variables}
        worlds.append(World(tmp_path / owner, {"app": target}, {"v": owner}, reconcile={"interval": "1s"}))
        worlds[-1].config["owner"] = owner
    first, second = worlds
    try:
        first.start()
        held = (tmp_path / "shared.env").read_bytes()
        with Reader(tmp_path / "shared.env") as reader:
            second.start(ready=False)
            second.until_says("app", "one")
            checked = first.daemon.target("app")["last_checked_at"]
            wait_until(lambda: first.daemon.target("app")["last_checked_at"] > checked, 10)
            assert first.daemon.ready()
        assert not reader.other(tmp_path / "shared.env", held)
    finally:
        first.close()
        second.close()
    record("two syncd on one file", area=AREA, injected="a second daemon", times=1)


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["full", "readonly", "denied"])
def test_without_isolation_one_takes_all_down(tmp_path: Path, name: str) -> None:
    """Where a failure of one target is everybody's, the daemon is gone."""
    with ExitStack() as stack:
        world = make(tmp_path / "world", stack)
        running = world.start("all_for_one", wrap=disks.UNPRIVILEGED)
        FAULTS[name].break_it(world.folder / PATHS[name])
        world.put(v="second")
        wait_until(lambda: running.process.poll() is not None, 20, "the daemon ends")
    record(FAULTS[name].name, area=AREA, red_without=ISOLATION)


@pytest.mark.e2e
def test_without_temporary_files_a_full_disk_tears(tmp_path: Path) -> None:
    """Written where it is, the file is cut where the space ends."""
    with ExitStack() as stack:
        world = make(tmp_path / "world", stack)
        world.start("in_place", wrap=disks.UNPRIVILEGED, ready=False)
        path = world.folder / PATHS["full"]
        wait_until(lambda: has(world, "full", "first"), 20)
        with Reader(path) as reader:
            disks.fill(path.parent)
            world.put(v="a longer second value")
            wait_until(lambda: path.read_bytes() not in (content("first"), b""), 20)
            wait_until(lambda: reader.other(path, content("first"), content("a longer second value")), 10)
        world.daemon.kill()
    record("disk full", area=AREA, red_without="temporary file and rename")
