"""Commands and signals that check and reload."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from syncd.core.errors import ReloadError
from syncd.reloads.command import CommandReload, clean_environment
from syncd.reloads.signal import SignalReload
from tests.support.processes import eventually


def _command(cwd: Path, *argv: str, timeout_s: float = 10.0) -> CommandReload:
    env = clean_environment({"PATH": os.environ["PATH"], "SECRET": "x"}, [])
    return CommandReload("check of nginx", argv, cwd, env, timeout_s)


async def test_a_command_runs_in_its_folder_with_a_clean_environment(tmp_path: Path) -> None:
    """No variable but the kept ones, no terminal, its own process group."""
    seen_words = "[dict(os.environ), os.getcwd(), sys.stdin.read(), os.getpgrp() == os.getpid()]"
    script = f"import os,sys,json; json.dump({seen_words}, open('seen','w'))"
    await _command(tmp_path, sys.executable, "-c", script).run()
    seen = (tmp_path / "seen").read_text()
    assert "SECRET" not in seen
    assert str(tmp_path) in seen
    assert seen.endswith('"", true]')


async def test_a_failing_command_is_quoted_with_its_last_20_lines(tmp_path: Path) -> None:
    """The operator reads the command's own words, not all 1,000 lines."""
    with pytest.raises(ReloadError) as raised:
        await _command(tmp_path, "sh", "-c", "seq 1 1000; exit 7").run()
    text = str(raised.value)
    assert text.startswith("check of nginx failed (exit code 7)")
    assert text.splitlines()[-1] == "1000"
    assert len(text.splitlines()) == 20
    assert "980" not in text.splitlines()


async def test_a_hanging_command_is_ended_with_all_it_started(tmp_path: Path) -> None:
    """After the timeout neither the shell nor its child that ignores SIGTERM is alive."""
    script = "trap '' TERM; (trap '' TERM; sleep 300) & echo $! > child; wait"
    with pytest.raises(ReloadError, match=r"longer than 0\.3 s"):
        await _command(tmp_path, "sh", "-c", script, timeout_s=0.3).run()
    child = int((tmp_path / "child").read_text())
    await eventually(lambda: not _alive(child), 5)


async def test_a_command_that_leaves_a_daemon_behind_does_not_hang(tmp_path: Path) -> None:
    """A child that keeps the output open is not waited for."""
    async with asyncio.timeout(10):
        await _command(tmp_path, "sh", "-c", "sleep 60 & echo $! > child").run()
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)


async def test_a_missing_binary_says_so(tmp_path: Path) -> None:
    """Not a traceback, and which binary."""
    with pytest.raises(ReloadError, match="cannot run 'no-such-nginx'"):
        await _command(tmp_path, "no-such-nginx").run()


async def test_a_signal_reaches_the_process_in_the_pid_file(tmp_path: Path) -> None:
    """A real process gets a real HUP."""
    script = (
        "import signal,time,pathlib; signal.signal(1, lambda *_: pathlib.Path('got').touch()); "
        "pathlib.Path('ready').touch(); time.sleep(60)"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, cwd=tmp_path)
    try:
        await eventually((tmp_path / "ready").exists, 10)
        (tmp_path / "pid").write_text(f"{process.pid}\n")
        await SignalReload("reload of x", signal.SIGHUP, pid_file=tmp_path / "pid").run()
        await eventually((tmp_path / "got").exists, 10)
    finally:
        process.kill()
        await process.wait()


@pytest.mark.parametrize("content", [None, "", "nginx", "0", "-1"])
async def test_a_useless_pid_file_is_an_error(tmp_path: Path, content: str | None) -> None:
    """Missing, empty or odd: never a signal to a group or to nobody."""
    if content is not None:
        (tmp_path / "pid").write_text(content)
    with pytest.raises(ReloadError, match="pid"):
        await SignalReload("reload of x", signal.SIGHUP, pid_file=tmp_path / "pid").run()


async def test_a_process_is_found_by_name_without_its_children(tmp_path: Path) -> None:
    """Only the leader is signalled; an unknown name is an error. USR1: a shell below nohup cannot trap HUP."""
    binary = tmp_path / "syncd-test-srv"
    binary.symlink_to("/bin/sh")
    child = "(exec ./syncd-test-srv -c 'echo > ready; sleep 60; :') &"
    script = f"trap 'echo x >> got' USR1; {child} while :; do sleep 0.05; done"
    process = await asyncio.create_subprocess_exec(str(binary), "-c", script, cwd=tmp_path, process_group=0)
    try:
        await eventually((tmp_path / "ready").exists, 10)
        await SignalReload("reload of x", signal.SIGUSR1, process="syncd-test-srv").run()
        await eventually((tmp_path / "got").exists, 10)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    with pytest.raises(ReloadError, match="no process is called"):
        await SignalReload("reload of x", signal.SIGHUP, process="syncd-nobody").run()


def _alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
