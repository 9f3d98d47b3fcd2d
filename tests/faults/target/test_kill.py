"""kill -9 at any instant of a transaction, while somebody reads all the time: each file old or new, and checked.

A third of the kills hits a pass whose check refuses. After the next pass nothing unchecked is left, nothing lies beside
the files, and the reload that is owed was run with what is in place.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from tests.faults.support.report import record
from tests.faults.target.kit import SOURCE, World, template
from tests.faults.target.mounts import mounted_file, needs_root
from tests.faults.target.reading import ReaderProcess, signed, whole
from tests.support.nest import Nest

AREA = "kill -9"
SHORT, LONG = 12, 200
REFUSED = "REFUSED"
ONCE = ("once", *SOURCE)
BODY = "".join(f"line {number} of the file\n" for number in range(600))


class Killed:
    """Files of one reload group, a pass over which is killed again and again."""

    def __init__(self, folder: Path, *names: str, without: str = "") -> None:
        self.folder, self.names = folder, names
        files = " ".join(f"out/{name}" for name in names)
        reload = {
            "check": ["sh", "-c", f"cat {files} > /dev/null && ! grep -q {REFUSED} out/{names[0]}"],
            "run": ["sh", "-c", f"cat {files} | cksum >> loaded"],
        }
        targets = {name: template(folder, name, "", f"out/{name}", reload="g", adopt=True) for name in names}
        World(folder, targets, {"v": "1"}, reloads={"g": reload})
        self.paths = [folder / "out" / name for name in names]
        self.nest = Nest(folder, without)
        self.want("first\n")
        assert self.nest.run(*ONCE).status == 0, (folder / "log").read_text()
        # Only a pass that finds files is like those to be killed: it keeps them aside, and forgets them at its end.
        self.want("second\n")
        self.calls = self.nest.run(*ONCE, call=0).calls
        self.want("third\n")
        self.took_s = self.nest.run(*ONCE).took_s

    def want(self, text: str) -> dict[Path, bytes]:
        """Set what the files should hold; return it."""
        for name in self.names:
            (self.folder / f"{name}.j2").write_text(signed(f"{name}: {text}{BODY}"))
        return {path: (self.folder / f"{path.name}.j2").read_bytes() for path in self.paths}

    def held(self) -> dict[Path, bytes]:
        """Return what the files hold."""
        return {path: path.read_bytes() for path in self.paths}

    def reloaded(self) -> bool:
        """Return whether what was loaded last is what is in place."""
        sum_ = subprocess.run(["cksum"], input=b"".join(self.held().values()), capture_output=True, check=True)
        return (self.folder / "loaded").read_text().splitlines()[-1] == sum_.stdout.decode().strip()

    def kill(
        self,
        number: int,
        *,
        call: int | None = None,
        after_s: float | None = None,
        again_s: float | None = None,
        refused: bool = False,
    ) -> bool:
        """Change the files in a pass that is killed, see that all is whole, and that the next pass ends it.

        Args:
            again_s: the pass after it, which has to recover, is killed then, too.

        Returns:
            False where the pass ended before it was killed.
        """
        before, wanted = self.held(), self.want(f"{number} {REFUSED if refused else ''}\n")
        where = f"kill {number}, call {call}, after {after_s} s"
        killed = self.nest.run(*ONCE, call=call, after_s=after_s).status == -9
        if again_s is not None:
            self.nest.run(*ONCE, after_s=again_s)
        for path in self.paths:
            assert path.is_mount() or path.read_bytes() in (before[path], wanted[path]), f"torn: {where}"
        ended = self.nest.run(*ONCE)
        assert ended.status == (1 if refused else 0), f"{where}: {(self.folder / 'log').read_text()[-2000:]}"
        assert self.held() == (before if refused else wanted), where
        assert not list((self.folder / "out").glob(".*")), f"left over: {where}"
        assert self.reloaded(), f"lost reload: {where}"
        return killed


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    """What is to be closed or unmounted."""
    with ExitStack() as stack:
        yield stack


def kills(place: Killed, wanted: int) -> int:
    """Kill so often, in turn at the calls and at a random instant; every third is refused."""
    chance = random.Random(wanted)
    done, tried = 0, 0
    while done < wanted:
        tried += 1
        assert tried < 3 * wanted, "most passes end before they are killed"
        refused = tried % 3 == 0
        if tried % 2:
            done += place.kill(tried, call=1 + (done * place.calls) // wanted, refused=refused)
        else:
            # The first part of a pass reads and plans; what matters comes then.
            first_s, again_s = (chance.uniform(least, 1.0) * place.took_s for least in (0.3, 0.1))
            done += place.kill(tried, after_s=first_s, again_s=again_s if tried % 8 == 0 else None, refused=refused)
    return done


@pytest.mark.parametrize(
    "wanted", [pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.e2e)]
)
def test_killed_at_any_instant(tmp_path: Path, ends: ExitStack, wanted: int) -> None:
    """Nothing torn is ever read, nothing unchecked stays, no owed reload is lost."""
    place = Killed(tmp_path, "a", "b")
    ends.callback(place.nest.close)
    began = time.monotonic()
    with ReaderProcess(*place.paths) as reader:
        done = kills(place, wanted)
    assert (reader.torn, reader.missing) == (0, 0)
    assert reader.looks > wanted
    took_s = (time.monotonic() - began) / done
    record("kill -9 in a transaction", area=AREA, injected="SIGKILL", times=done, lost=reader.torn, recover_s=took_s)


@pytest.mark.e2e
def test_killed_at_every_call(tmp_path: Path, ends: ExitStack) -> None:
    """One after the other, with a check that accepts and one that refuses."""
    place = Killed(tmp_path, "a", "b")
    ends.callback(place.nest.close)
    done = kills_at_all_calls(place, False, True)
    record("kill -9 between any two steps", area=AREA, injected="SIGKILL at each system call", times=done)


@needs_root
@pytest.mark.e2e
def test_a_mounted_file_killed_at_every_call(tmp_path: Path, ends: ExitStack) -> None:
    """It is written in place and may be half there; the next start brings its backup back, and it is whole."""
    place = mounted(tmp_path, ends)
    done = kills_at_all_calls(place, True)
    record("kill -9 while a mounted file is written in place", area=AREA, injected="SIGKILL", times=done)


@needs_root
@pytest.mark.e2e
def test_a_backup_that_is_not_whole(tmp_path: Path, ends: ExitStack) -> None:
    """Where a backup has its name before it is whole, half of one is put in place of a good file."""
    place = mounted(tmp_path, ends, "backup_in_the_open")
    with pytest.raises(AssertionError, match="kill"):
        kills_at_all_calls(place, False, True)
    assert not all(whole(content) for content in place.held().values())
    record(
        "kill -9 while a mounted file is written in place", area=AREA, red_without="backups that are whole or absent"
    )


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("without", "why"),
    [("no_recovery", "rolling back what was begun"), ("forgets_owed_reloads", "the journal's owed reloads")],
)
@pytest.mark.parametrize("fault", ["kill -9 in a transaction", "kill -9 between any two steps"])
def test_without_the_journal(tmp_path: Path, ends: ExitStack, without: str, why: str, fault: str) -> None:
    """Something unchecked, something left over, or a reload too few."""
    place = Killed(tmp_path, "a", "b", without=without)
    ends.callback(place.nest.close)
    with pytest.raises(AssertionError, match="kill"):
        kills(place, LONG) if fault == "kill -9 in a transaction" else kills_at_all_calls(place, False, True)
    record(fault, area=AREA, red_without=why)


def kills_at_all_calls(place: Killed, *refused: bool) -> int:
    """Kill at one call after the other until a pass ends before that; return how often.

    How many calls a pass makes depends on how the one before it ended, so there is no number to stop at.

    Args:
        refused: whether the check refuses; all calls are gone through for each.
    """
    done, number = 0, count(1)
    for refuses in refused:
        call = 1
        while place.kill(next(number), call=call, refused=refuses):
            call += 1
        assert call > 30
        done += call - 1
    return done


def mounted(folder: Path, ends: ExitStack, without: str = "") -> Killed:
    """Return a place with one file that is mounted on its own."""
    (folder / "source").write_text("")
    ends.enter_context(mounted_file(folder / "source", folder / "out/a"))
    place = Killed(folder, "a", without=without)
    ends.callback(place.nest.close)
    return place
