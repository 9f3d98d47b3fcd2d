"""A config that is edited under a running daemon: planned first, then in use; a bad edit harms nothing."""

import json
import os
import signal
import socket
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cli import syncd_cli
from tests.support.daemon import Daemon
from tests.support.processes import free_port, wait_until
from tests.support.stack import Stack

Start = Callable[..., Daemon]
OTHER = {"kind": "env_file", "path": "out/other.env", "vars": {"APP_URL": "services/app/url"}}


def refusal(running: Daemon) -> str:
    """Return why the changed config is not in use, "" where it is."""
    return str(running.status()["config"]["error"] or "")


def test_a_new_target_leaves_the_others_alone(stack: Stack, daemon: Start) -> None:
    """It is written; no other target is read or written again, and every watch keeps its connection."""
    running = daemon()
    port = int(stack.consul.url.rpartition(":")[2])
    wait_until(lambda: running.connections(port), 10)
    before = running.target("edge")
    watches = running.connections(port)
    stack.kv.reset()
    stack.config["targets"]["other"] = OTHER
    stack.write_config()
    wait_until(lambda: (stack.folder / "out/other.env").exists(), 10)
    wait_until(running.ready, 10)
    assert watches <= running.connections(port)
    assert stack.kv.requests("GET keys") == []
    assert running.target("edge") == before
    stack.put(services__app__url="http://127.0.0.1:77")
    wait_until(lambda: "127.0.0.1:77" in (stack.folder / "out/other.env").read_text(), 10)
    wait_until(lambda: "127.0.0.1:77" in (stack.folder / "out/app.env").read_text(), 10)


def test_a_retry_keeps_its_time(stack: Stack, daemon: Start) -> None:
    """A target that failed is tried again when it was to be, whatever else the config got."""
    stack.config["reloads"] = {"app": {"run": ["false"]}}
    stack.config["targets"]["app-env"]["reload"] = "app"
    running = daemon(ready=False)
    wait_until(lambda: running.events("started"), 10)
    wait_until(lambda: running.target("app-env")["state"] == "failed", 10)
    # The fourth pause is eight seconds: long enough to be looked at twice.
    at = wait_until(lambda: _later(running.target("app-env")["next_retry_at"]), 20)
    stack.config["targets"]["other"] = OTHER
    stack.write_config()
    wait_until(lambda: (stack.folder / "out/other.env").exists(), 6)
    assert running.target("app-env")["next_retry_at"] == at


def _later(at: float | None) -> float | None:
    return at if at is not None and at - time.time() > 7 else None


def test_a_bad_edit_harms_nothing(stack: Stack, daemon: Start) -> None:
    """What is no config is said in status, log and readiness; what ran goes on; the mend is taken."""
    running = daemon()
    good = (stack.folder / "config.yaml").read_text()
    for bad, word in ((": [", "config.yaml:"), (good + "oops: 1\n", "oops"), (good.replace("env_file", "x"), "kind")):
        (stack.folder / "config.yaml").write_text(bad)
        wait_until(lambda word=word: word in refusal(running), 10)
        assert running.ready()
    assert len(running.events("config_refused")) == 3
    stack.put(services__app__url="http://127.0.0.1:78")
    wait_until(lambda: "127.0.0.1:78" in (stack.folder / "out/app.env").read_text(), 10)
    with urllib.request.urlopen(f"http://127.0.0.1:{running.port}/readyz", timeout=5) as answer:
        assert "config.yaml was changed and is not in use" in answer.read().decode()
    code, out, _ = stack_status(stack, running)
    assert code == 0
    assert "not in use" in out
    (stack.folder / "config.yaml").write_text(good)
    wait_until(lambda: not refusal(running), 10)


def stack_status(stack: Stack, running: Daemon) -> tuple[int, str, str]:
    """Return what `syncd status` says of a daemon, without a config of its own."""
    return syncd_cli("status", "--url", f"http://127.0.0.1:{running.port}", cwd=stack.folder, env=stack.env)


def test_what_cannot_be_planned_is_not_taken(stack: Stack, daemon: Start) -> None:
    """A target that would lose what it has keeps its old config; once the key is there, the new one is taken."""
    running = daemon()
    before = (stack.folder / "out/app.env").read_bytes()
    stack.config["targets"]["app-env"]["vars"]["MORE"] = "config/more"
    stack.write_config()
    wait_until(lambda: "app-env: key 'config/more' has no value" in refusal(running), 10)
    assert running.target("app-env")["state"] == "in_sync"
    assert (stack.folder / "out/app.env").read_bytes() == before
    stack.put(config__more="here")
    running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: b"MORE=here" in (stack.folder / "out/app.env").read_bytes(), 10)
    assert not refusal(running)


def test_a_glob_that_would_empty_the_edge_is_not_taken(stack: Stack, daemon: Start) -> None:
    """A slip in `keys` is refused as a whole, before any pair is deleted."""
    stack.put(**{f"config__domains__d{number}": "x" for number in range(8)})
    running = daemon()
    stack.config["targets"]["edge"]["keys"] = ["config/domain/*"]
    stack.write_config()
    wait_until(lambda: "edge: " in refusal(running), 10)
    assert running.target("edge")["state"] == "in_sync"
    stack.put(config__domains__d9="new")
    wait_until(lambda: stack.kv.get("config/domains/d9") == b"new", 10)
    assert stack.kv.requests("POST bulk/delete") == []


def test_a_mended_template_lets_the_config_in(stack: Stack, daemon: Start) -> None:
    """What was refused for a template is taken when that is mended, without a touch of the config."""
    running = daemon()
    (stack.folder / "new.j2").write_text("{% if %}")
    stack.config["targets"]["new"] = {"kind": "template", "template": "new.j2", "path": "out/new"}
    stack.write_config()
    wait_until(lambda: "new.j2:1" in refusal(running), 10)
    (stack.folder / "new.j2").write_text("{{ key('services/app/url') }}")
    running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: (stack.folder / "out/new").exists(), 10)
    assert not refusal(running)


def test_a_target_in_trouble_does_not_stand_in_the_way(stack: Stack, daemon: Start) -> None:
    """A broken template of one target keeps no edit of another from being taken."""
    (stack.folder / "broken.j2").write_text("{% if %}")
    stack.config["targets"]["broken"] = {"kind": "template", "template": "broken.j2", "path": "out/broken"}
    running = daemon(ready=False)
    wait_until(lambda: running.events("target"), 10)
    wait_until(lambda: running.target("broken")["state"] == "failed", 10)
    stack.config["targets"]["other"] = OTHER
    stack.config["limits"] = {"max_delete_percent": 20}
    stack.write_config()
    wait_until(lambda: (stack.folder / "out/other.env").exists(), 10)


def test_a_slip_in_the_address_can_be_mended_at_once(stack: Stack, daemon: Start) -> None:
    """A config that waits for a Consul that is not there does not hold up the next edit."""
    running = daemon()
    address = stack.config["consul"]["address"]
    stack.config["consul"]["address"] = f"http://127.0.0.1:{free_port()}"
    stack.write_config()
    stack.config["targets"]["other"] = OTHER
    stack.config["consul"]["address"] = address
    time.sleep(1)  # so that the first edit is being looked at
    stack.write_config()
    wait_until(lambda: (stack.folder / "out/other.env").exists(), 8)
    assert not running.events("config_refused")


def test_a_pause_is_not_lost_by_a_new_name(stack: Stack, daemon: Start) -> None:
    """A paused target that gets another name in the config would be written; that is refused."""
    running = daemon()
    assert stack.syncd("pause", "app-env")[0] == 0
    stack.config["targets"]["renamed"] = stack.config["targets"].pop("app-env")
    stack.write_config()
    wait_until(lambda: "what the paused target 'app-env' writes; resume app-env first" in refusal(running), 10)
    stack.put(services__app__url="http://127.0.0.1:82")
    wait_until(lambda: running.target("app-env")["state"] == "paused", 10)
    assert "127.0.0.1:82" not in (stack.folder / "out/app.env").read_text()


def test_the_same_bytes_do_nothing(stack: Stack, daemon: Start) -> None:
    """A file that was only touched is not loaded again, by event or by SIGHUP."""
    running = daemon()
    os.utime(stack.folder / "config.yaml")
    running.process.send_signal(signal.SIGHUP)
    stack.config["targets"]["other"] = OTHER
    stack.write_config()
    wait_until(lambda: (stack.folder / "out/other.env").exists(), 10)
    assert len(running.events("config_loaded")) == 1


def test_a_new_ground_needs_no_restart(stack: Stack, daemon: Start) -> None:
    """Another environment and another status port are in use a moment later, in the same process."""
    stack.put(env__staging__services__app__url="http://staging:1")
    running = daemon()
    stack.config["environment"] = "staging"
    running.port = free_port()
    stack.config["http"] = {"listen": f"127.0.0.1:{running.port}"}
    stack.write_config()
    wait_until(lambda: "http://staging:1" in (stack.folder / "out/app.env").read_text(), 10)
    wait_until(running.ready, 10)
    assert running.target("edge")["last_applied_at"] is not None
    assert running.stop() == 0


def test_another_address_on_the_same_port(stack: Stack, daemon: Start) -> None:
    """Our own server is not what stands in the way."""
    running = daemon()
    stack.config["http"] = {"listen": f"0.0.0.0:{running.port}"}
    stack.write_config()
    wait_until(lambda: running.events("config_loaded"), 10)
    wait_until(running.ready, 10)


def test_an_address_that_is_not_ours_goes_back(stack: Stack, daemon: Start) -> None:
    """On the same port it shows only when our own server has gone; then the old configuration goes on."""
    running = daemon()
    good = (stack.folder / "config.yaml").read_text()
    stack.config["http"] = {"listen": f"192.0.2.1:{running.port}"}
    stack.write_config()
    wait_until(lambda: running.events("config_refused"), 10)
    wait_until(running.ready, 10)
    assert "cannot listen on" in refusal(running)
    stack.put(services__app__url="http://127.0.0.1:81")
    wait_until(lambda: "127.0.0.1:81" in (stack.folder / "out/app.env").read_text(), 10)
    (stack.folder / "config.yaml").write_text(good)
    wait_until(lambda: not refusal(running), 10)


def test_an_api_is_not_asked_for_what_is_refused_anyway(stack: Stack, daemon: Start) -> None:
    """Where a file target cannot be planned, namespaces are not listed for the same edit, nor at the next try."""
    running = daemon()
    stack.kv.reset()
    stack.config["limits"] = {"max_delete_percent": 20}
    stack.config["targets"]["app-env"]["vars"]["MORE"] = "config/more"
    stack.write_config()
    wait_until(lambda: "config/more" in refusal(running), 10)
    running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: stack.kv.requests("GET keys"), 10)  # of the reconcile
    assert len(stack.kv.requests("GET keys")) == 1


def test_what_cannot_change_at_run_time_is_refused(stack: Stack, daemon: Start) -> None:
    """Another state dir needs a restart, and a port that is taken is no port."""
    running = daemon()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        stack.config["http"] = {"listen": address}
        stack.write_config()
        wait_until(lambda: f"cannot listen on '{address}'" in refusal(running), 10)
    stack.config["http"] = {"listen": f"127.0.0.1:{running.port}"}
    stack.config["state_dir"] = "elsewhere"
    stack.write_config()
    wait_until(lambda: "state_dir: cannot change while syncd runs" in refusal(running), 10)
    assert running.ready()
    assert not (stack.folder / "elsewhere").exists()


def test_a_target_that_left_is_left_alone(stack: Stack, daemon: Start) -> None:
    """It is gone from the status, and its file stays as it is."""
    stack.config["targets"]["other"] = OTHER
    running = daemon()
    before = (stack.folder / "out/other.env").read_bytes()
    del stack.config["targets"]["other"]
    stack.write_config()
    wait_until(lambda: "other" not in [one["name"] for one in running.status()["targets"]], 10)
    stack.put(services__app__url="http://127.0.0.1:79")
    wait_until(lambda: "127.0.0.1:79" in (stack.folder / "out/app.env").read_text(), 10)
    assert (stack.folder / "out/other.env").read_bytes() == before


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_is_told(stack: Stack, daemon: Start, abstract: bool, tmp_path: Path) -> None:
    """READY, STATUS and WATCHDOG while it runs, RELOADING and READY around a new config, STOPPING at the end."""
    path = f"\0{tmp_path}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(10)
        stack.env = {"NOTIFY_SOCKET": path.replace("\0", "@"), "WATCHDOG_USEC": "400000"}
        running = daemon()

        def told(what: str) -> str:
            while what not in (text := manager.recv(4096).decode()):
                pass
            return text

        told("READY=1")
        told("WATCHDOG=1")
        assert "2 targets: 2 in sync" in told("STATUS=2 targets: 2")
        stack.config["targets"]["other"] = OTHER
        stack.write_config()
        assert "MONOTONIC_USEC=" in told("RELOADING=1")
        told("READY=1")
        running.process.terminate()
        told("STOPPING=1")


def test_children_do_not_get_the_managers_socket(stack: Stack, daemon: Start, tmp_path: Path) -> None:
    """A check cannot speak for the daemon."""
    stack.env = {"NOTIFY_SOCKET": str(tmp_path / "nobody"), "WATCHDOG_USEC": "400000"}
    stack.config["reloads"] = {"app": {"run": ["sh", "-c", "env > seen"]}}
    stack.config["targets"]["app-env"]["reload"] = "app"
    daemon()
    assert "NOTIFY" not in (stack.folder / "seen").read_text()
    assert json.dumps("WATCHDOG") not in (stack.folder / "seen").read_text()
