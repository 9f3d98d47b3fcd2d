"""The progress bar of a long push: on a terminal of 80 columns, and nowhere else."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading

import pytest

from tests.support.stack import Stack, stack

__all__ = ["stack"]

PAIRS = 3_000
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_a_terminal(stack: Stack, *args: str, **env: str) -> tuple[int, str]:
    """Run syncd with stderr on a terminal of 80 columns: (exit code, what the terminal got)."""
    stack.write_config()
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    seen: list[bytes] = []

    def read() -> None:
        try:
            while part := os.read(ours, 65_536):
                seen.append(part)
        except OSError:  # the last one at the other end is gone
            return

    reader = threading.Thread(target=read)
    reader.start()
    environment = {"PATH": os.environ["PATH"], "HOME": str(stack.folder), "TERM": "xterm-256color", **env}
    argv = [sys.executable, "-m", "syncd", *args]
    with (stack.folder / "stdout").open("wb") as out:
        process = subprocess.Popen(
            argv, cwd=stack.folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=theirs
        )
    os.close(theirs)
    code = process.wait(60)
    reader.join(10)
    os.close(ours)
    return code, b"".join(seen).decode()


@pytest.fixture
def long_push(stack: Stack) -> Stack:
    """A stack whose edge target wants 3,000 pairs, with a name that is too long for a line."""
    keys = {f"{stack.prefix}config/domains/n{number:04}": str(number) for number in range(PAIRS)}
    stack.consul.put_many(keys)
    stack.delete("config/domains/api")
    stack.delete("config/domains/web")
    stack.config["targets"]["edge-with-a-name-that-nobody-would-like-to-type"] = stack.config["targets"].pop("edge")
    return stack


def test_a_long_push_has_a_bar_that_fits(long_push: Stack) -> None:
    """It starts at nothing, gets to the end, is 80 columns wide at most, and is wiped at the end."""
    code, seen = on_a_terminal(long_push, "once", "--format", "json")
    assert code == 0, seen
    lines = [_ESCAPE.sub("", line) for line in re.split(r"[\r\n]", seen)]
    bars = [line for line in lines if "/3000" in line]
    assert any("0/3000" in line for line in bars)
    assert any("3000/3000" in line for line in bars)
    assert all(line.startswith("edge-with-a-name-that-nobod… ") for line in bars)
    assert max(len(line) for line in lines) <= 80
    assert seen.rstrip().endswith("\x1b[2K")
    assert (long_push.folder / "stdout").read_text().startswith("{")
    assert len(long_push.kv.list()) == PAIRS


def test_no_bar_without_colour_or_for_a_short_push(stack: Stack) -> None:
    """NO_COLOR, a dumb terminal, and a push of one request leave the terminal as it is."""
    code, seen = on_a_terminal(stack, "once")
    assert (code, seen) == (0, "")
    stack.consul.put_many({f"{stack.prefix}config/domains/n{number}": "1" for number in range(1_100)})
    code, seen = on_a_terminal(stack, "once", "--force", NO_COLOR="1")
    assert (code, seen) == (0, "")
    stack.consul.put_many({f"{stack.prefix}config/domains/n{number}": "2" for number in range(1_100)})
    code, seen = on_a_terminal(stack, "once", "--force", TERM="dumb")
    assert (code, seen) == (0, "")


def test_no_bar_where_stderr_is_no_terminal(long_push: Stack) -> None:
    """Logs of CI hold none."""
    code, _, err = long_push.syncd("once")
    assert code == 0
    assert err == ""
