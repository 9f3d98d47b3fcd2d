"""`syncd status --watch`: lines as things happen, a picture on a terminal, and 0 at Ctrl-C."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable

from syncd.cli import watching as watching_module
from tests.support.daemon import Daemon
from tests.support.processes import wait_until
from tests.support.stack import Stack

Start = Callable[..., Daemon]


def watching(stack: Stack, *args: str, output: int | None = None) -> subprocess.Popen[bytes]:
    """Start it, its output in the file `watched` or in `output`."""
    with (stack.folder / "watched").open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "syncd", "status", "--watch", *args],
            cwd=stack.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(stack.folder), "TERM": "xterm"},
            stdout=file if output is None else output,
            stdin=subprocess.DEVNULL,
        )


def ended(process: subprocess.Popen[bytes]) -> int:
    """Press Ctrl-C and return the exit code."""
    process.send_signal(signal.SIGINT)
    return process.wait(10)


def test_what_changes_is_a_line(stack: Stack, daemon: Start) -> None:
    """Off a terminal: each state once, then the pause with its reason; a daemon that ends is said too."""
    running = daemon()
    process, path = watching(stack), stack.folder / "watched"
    wait_until(lambda: "daemon: ready" in path.read_text(), 20)
    assert stack.syncd("pause", "app-env", "--why", "Ana looks at it")[0] == 0
    wait_until(lambda: "app-env: paused" in path.read_text(), 10)
    running.stop()
    wait_until(lambda: "no daemon answers" in path.read_text(), 10)
    assert ended(process) == 0
    lines = [line.partition("  ")[2] for line in path.read_text().splitlines()]
    assert lines[:4] == ["source: ok", "edge: in_sync", "app-env: in_sync", "daemon: ready"]
    assert any(line.startswith("app-env: paused: paused since") and "Ana looks at it" in line for line in lines)
    assert lines.count("edge: in_sync") == 1


def test_json_is_a_line_per_status(stack: Stack, daemon: Start) -> None:
    """Each that differs from the one before it; what only moves on makes none."""
    daemon()
    process, path = watching(stack, "--format", "json"), stack.folder / "watched"
    wait_until(lambda: path.read_text().count("\n") == 1, 20)
    assert stack.syncd("pause", "app-env")[0] == 0
    wait_until(lambda: '"state": "paused"' in path.read_text(), 10)
    assert ended(process) == 0
    documents = [json.loads(line) for line in path.read_text().splitlines()]
    assert [document["ready"] for document in (documents[0], documents[-1])] == [True, False]


def test_on_a_terminal_it_is_drawn_again(stack: Stack, daemon: Start) -> None:
    """The same lines as `status` writes, in place of those before."""
    daemon()
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    process = watching(stack, output=theirs)
    os.close(theirs)
    seen = Screen(ours)
    wait_until(lambda: seen.read().count("app-env (env_file): in_sync") >= 2, 20)
    assert ended(process) == 0
    assert "\x1b[" in seen.read(), "drawn over what was there"
    os.close(ours)


class Screen:
    """What a program wrote to a terminal so far."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._seen = b""

    def read(self) -> str:
        """Return all of it."""
        try:
            while more := os.read(self._descriptor, 65536):
                self._seen += more
        except OSError:  # nothing more now, or the program has ended
            pass
        return self._seen.decode(errors="replace")


def test_a_config_that_is_refused_is_a_line(stack: Stack, daemon: Start) -> None:
    """And one when it is in use again; a pause of everything too."""
    running = daemon()
    process, path = watching(stack), stack.folder / "watched"
    wait_until(lambda: "daemon: ready" in path.read_text(), 20)
    file = stack.folder / "config.yaml"
    good = file.read_text()
    file.write_text(good + "nonsense: 1\n")
    wait_until(lambda: "config.yaml: was changed and is not in use: config.yaml:" in path.read_text(), 10)
    file.write_text(good)
    wait_until(lambda: "config.yaml: in use" in path.read_text(), 10)
    assert stack.syncd("pause", "--why", "look")[0] == 0
    wait_until(lambda: "pause: everything is paused since" in path.read_text(), 10)
    assert ended(process) == 0
    running.stop()


def test_a_small_screen_has_what_matters() -> None:
    """What does not fit is counted: whether it is ready comes first, then the targets that are not in sync."""
    targets = [{"name": str(at), "state": "in_sync"} for at in range(40)]
    document = {"targets": [*targets, {"name": "lame", "state": "failed"}]}
    assert watching_module._troubled_first(document)["targets"][0]["name"] == "lame"
    lines = watching_module._by_need([*map(str, range(40)), "not ready"])
    assert lines[:2] == ["not ready", "0"]
    shown = watching_module._fitting(lines, [1] * 41, 24)
    assert (len(shown), shown[-1]) == (23, "… 19 more lines: syncd status")
    assert watching_module._fitting(lines, [1] * 41, 42) == lines
    assert len(watching_module._fitting(lines, [3] * 41, 24)) == 8
