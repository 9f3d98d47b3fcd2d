"""SIGTERM and SIGINT while the program is still being loaded."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer

from syncd.__main__ import BEFORE_THE_COMMAND, command
from syncd.cli.main import app
from tests.support.processes import end, wait_until

# Stands in for a library that takes a minute to load: only so is there a moment that a test can be sure to hit.
SLOW_LIBRARY = "import pathlib, time\npathlib.Path('loading').touch()\ntime.sleep(60)\n"

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """start(*words, before=()): syncd in the middle of its imports; `before` is put before its command line."""
    (tmp_path / "typer.py").write_text(SLOW_LIBRARY)
    started: list[subprocess.Popen[bytes]] = []

    def one(*words: str, before: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        argv = [*before, sys.executable, "-m", "syncd", *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        started.append(subprocess.Popen(argv, cwd=tmp_path, start_new_session=True, **pipes))  # type: ignore[call-overload]
        wait_until((tmp_path / "loading").exists, why="it loads its libraries")
        return started[-1]

    yield one
    for process in started:
        end(process)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("words", [["run"], ["--log-level", "info", "-c", "once", "run", "--source", "x"], ["dev"]])
def test_what_runs_until_it_is_stopped_ends_with_0(start: Start, words: list[str], number: signal.Signals) -> None:
    """The daemon was told to end, and has: 0, without a word."""
    process = start(*words)
    process.send_signal(number)
    assert process.wait(5) == 0
    assert process.stdout is not None
    assert process.stdout.read() == b""


@pytest.mark.parametrize("words", [["once"], ["plan", "--target", "run"], ["--config=run", "check"], []])
def test_what_was_not_done_does_not_end_with_0(start: Start, words: list[str]) -> None:
    """Any other command has not done what it was asked for: 143, as shells call an end by SIGTERM; no traceback."""
    process = start(*words)
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 143
    assert process.stdout is not None
    assert process.stdout.read() == b""


def test_as_the_first_process_of_a_container(start: Start) -> None:
    """PID 1 is not ended by a signal that it has no handler for: so the handler is what ends it."""
    unshare = ("unshare", "--pid", "--fork", "--kill-child")
    if os.geteuid() != 0 or not shutil.which("unshare") or subprocess.run([*unshare, "true"], check=False).returncode:
        pytest.skip("no PID namespace can be made here")
    process = start("run", before=unshare)
    first = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
    assert Path(f"/proc/{first}/status").read_text().split("NSpid:")[1].split("\n")[0].split()[-1] == "1"
    os.kill(first, signal.SIGTERM)
    assert process.wait(5) == 0


def test_the_options_before_a_command_are_known() -> None:
    """Those that take a value, so that the value is not taken for the command."""
    group = typer.main.get_command(app)
    takes_value = {
        name
        for one in group.params
        if not one.is_flag and not {"--install-completion", "--show-completion"} & set(one.opts)  # type: ignore[attr-defined]
        for name in one.opts
    }
    assert set(BEFORE_THE_COMMAND) == takes_value
    assert command(["--version"]) is None
