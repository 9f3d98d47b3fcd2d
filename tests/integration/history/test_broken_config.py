"""A config file that was broken, moved or edited while the daemon goes on with the one before: it can be operated."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

import yaml

from tests.support.cli import Ran, syncd_cli
from tests.support.daemon import Daemon
from tests.support.processes import wait_until
from tests.support.stack import Stack

Start = Callable[..., Daemon]


def run(stack: Stack, *args: str) -> Ran:
    """Run syncd on the config file as it lies there."""
    return syncd_cli(*args, cwd=stack.folder)


def test_all_that_operates_works(stack: Stack, daemon: Start) -> None:
    """Bad YAML: status, history, show, pause, rollback and resume go by the state dir, and say so."""
    stack.config["state_dir"] = "state"
    running = daemon()
    before = (stack.folder / "out/app.env").read_text()
    file = stack.folder / "config.yaml"
    file.write_text(file.read_text() + "nonsense: [\n")
    wait_until(lambda: running.status()["config"]["error"], 10)
    code, out, err = run(stack, "status")
    assert (code, out.splitlines()[-1]) == (0, "ready")
    assert "config.yaml: was changed and is not in use" in out
    assert err.startswith("warning: config.yaml:")
    assert "going on with the state dir" in err
    assert run(stack, "status", "--format", "json")[0] == 0
    document = json.loads(run(stack, "history", "--target", "edge", "--format", "json")[1])
    number = str(document["entries"][-1]["id"])
    assert run(stack, "show", number)[0] == 0
    assert run(stack, "pause", "app-env", "--why", "look")[0] == 0
    wait_until(lambda: not running.ready(), 10)
    assert "app-env follows again" in run(stack, "resume", "app-env")[1]
    assert run(stack, "pause", "../edge")[0] == 64
    assert run(stack, "rollback", "edge", "--to", "999")[0] == 64
    code, out, err = run(stack, "rollback", "edge", "--to", number)
    assert (code, f"rolled back to {number}: it held that already" in out) == (0, True), err
    assert run(stack, "resume", "edge")[0] == 0
    assert run(stack, "pause")[0] == 0
    wait_until(lambda: running.status()["paused"], 10)
    assert run(stack, "resume")[0] == 0
    assert (stack.folder / "out/app.env").read_text() == before
    running.stop()
    assert run(stack, "rollback", "edge", "--to", number)[0] == 78
    assert run(stack, "status")[0] == 69


def test_status_finds_the_daemon_where_it_listens(stack: Stack, daemon: Start) -> None:
    """An edit to a port that is taken is refused, and the file may go: the daemon noted where it is."""
    running = daemon()
    file = stack.folder / "config.yaml"
    with socket.create_server(("127.0.0.1", 0)) as other:
        edited = yaml.safe_load(file.read_text())
        edited["http"] = {"listen": f"127.0.0.1:{other.getsockname()[1]}"}
        file.write_text(json.dumps(edited))
        wait_until(lambda: running.status()["config"]["error"], 10)
        code, out, _ = run(stack, "status")
        assert (code, "is not in use" in out) == (0, True)
    file.rename(stack.folder / "away.yaml")
    code, out, err = run(stack, "status")
    assert (code, out.splitlines()[-1]) == (0, "ready")
    assert "config.yaml: cannot be read: No such file or directory" in err


def test_a_config_that_is_not_there_is_named(stack: Stack) -> None:
    """Nothing to go by: a file that was named is said to be missing, and only without one the default is asked."""
    code, out, err = run(stack, "status", "--config", "other/config.yaml")
    assert (code, out) == (78, "")
    assert "other/config.yaml: cannot be read: No such file or directory" in err
    assert run(stack, "pause", "--config", "other/config.yaml")[0] == 78
