"""`only_between`: outside of its windows a target is planned and not changed, by the daemon and by `once`."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from syncd.core.fields import Debounce
from syncd.engine.daemon.agenda import Agenda
from tests.support.daemon import Daemon
from tests.support.processes import wait_until
from tests.support.stack import Stack

Start = Callable[..., Daemon]


def window(hours: float) -> str:
    """Return a window of an hour that opens so many hours from now."""
    begins = datetime.now(UTC) + timedelta(hours=hours)
    return f"{begins:%H:%M}-{begins + timedelta(hours=1):%H:%M}"


def shut_then_changed(stack: Stack, daemon: Start) -> Daemon:
    """Start a daemon on a target in sync whose window is shut, and change its key."""
    assert stack.syncd("once")[0] == 0
    stack.config["targets"]["app-env"]["only_between"] = [window(6)]
    running = daemon()
    stack.put(services__app__url="http://127.0.0.1:10")
    wait_until(lambda: running.target("app-env")["state"] == "pending" and waits(running), 15)
    return running


def waits(running: Daemon) -> bool:
    """Return whether the env file says that its changes wait for a window."""
    return "changes wait for" in (running.target("app-env")["last_error"] or "")


def test_a_change_waits_and_says_until_when(stack: Stack, daemon: Start) -> None:
    """The target is pending with the time in words and as its next try; not ready; another target goes on."""
    running = shut_then_changed(stack, daemon)
    found = running.target("app-env")
    begins = datetime.fromtimestamp(found["next_retry_at"], UTC)
    assert f"changes wait for {begins:%a %Y-%m-%d %H:%M} UTC (only_between)" in found["last_error"]
    assert timedelta(hours=5.9) < begins - datetime.now(UTC) < timedelta(hours=6)
    assert not running.ready()
    stack.put(config__domains__api="https://new.example.com")
    wait_until(lambda: stack.kv.get("config/domains/api") == b"https://new.example.com", 10)
    assert "APP_URL=http://127.0.0.1:9\n" in (stack.folder / "out/app.env").read_text()
    assert running.stop() == 0


def test_another_window_applies_at_once(stack: Stack, daemon: Start) -> None:
    """A config whose window is open takes the place of the one whose window is shut, and the change is made."""
    running = shut_then_changed(stack, daemon)
    stack.config["targets"]["app-env"]["only_between"] = [window(-0.5)]
    (stack.folder / "config.yaml").write_text(yaml.safe_dump(stack.config, sort_keys=False))
    wait_until(lambda: "APP_URL=http://127.0.0.1:10\n" in (stack.folder / "out/app.env").read_text(), 15)
    wait_until(running.ready, 10)


def test_drift_waits_too(stack: Stack, daemon: Start) -> None:
    """What somebody changed behind syncd's back is seen, and repaired in the window."""
    assert stack.syncd("once")[0] == 0
    stack.config["targets"]["app-env"]["only_between"] = [window(6)]
    stack.config["reconcile"] = {"interval": "1s"}
    running = daemon()
    (stack.folder / "out/app.env").write_text("# syncd test-owner\nAPP_URL=other\n")
    wait_until(lambda: waits(running), 15)
    assert "APP_URL=other" in (stack.folder / "out/app.env").read_text()


def test_a_member_of_a_group_waits_and_the_others_go_on(stack: Stack, daemon: Start) -> None:
    """Two files with one reload: the one in its window is changed and reloaded, the other keeps what it has."""
    stack.config["reloads"] = {"app": {"run": ["sh", "-c", "echo ran >> runs"]}}
    stack.config["targets"]["app-env"]["reload"] = "app"
    other = {"kind": "env_file", "path": "out/other.env", "vars": {"URL": "services/app/url"}, "reload": "app"}
    stack.config["targets"]["other"] = other
    assert stack.syncd("once")[0] == 0
    stack.config["targets"]["app-env"]["only_between"] = [window(6)]
    running = daemon()
    stack.put(services__app__url="http://127.0.0.1:10")
    wait_until(lambda: "URL=http://127.0.0.1:10\n" in (stack.folder / "out/other.env").read_text(), 10)
    wait_until(lambda: waits(running) and running.target("other")["state"] == "in_sync", 10)
    assert "APP_URL=http://127.0.0.1:9\n" in (stack.folder / "out/app.env").read_text()
    wait_until(lambda: (stack.folder / "runs").read_text().count("ran") == 2, 10)


def test_once_skips_and_force_passes(stack: Stack) -> None:
    """`plan` warns, `once` skips with 3 and says until when, `once --force` applies."""
    stack.config["targets"]["app-env"]["only_between"] = [window(6)]
    code, shown = stack.json("plan")
    assert code == 0
    (warning,) = stack.target(shown, "app-env")["warnings"]
    assert warning.startswith("changes wait for ")
    code, done = stack.json("once")
    assert (code, stack.target(done, "app-env")["outcome"], stack.target(done, "edge")["outcome"]) == (
        3,
        "skipped",
        "applied",
    )
    assert stack.target(done, "app-env")["error"] == warning
    assert not (stack.folder / "out/app.env").exists()
    code, done = stack.json("once", "--force")
    assert (code, stack.target(done, "app-env")["outcome"]) == (0, "applied")
    assert stack.json("once")[0] == 0


def test_a_saved_plan_waits_too(stack: Stack) -> None:
    """`apply` outside of a window refuses with 3 what `apply --force` carries out."""
    stack.config["targets"]["app-env"]["only_between"] = [window(6)]
    stack.env["SYNCD_PLAN_KEY"] = "k" * 32
    assert stack.syncd("plan", "--out", "saved.plan")[0] == 0
    assert stack.syncd("apply", "saved.plan", "--target", "x")[0] == 64
    assert stack.json("apply", "saved.plan")[0] == 3


def test_a_fault_in_a_window_has_its_line(stack: Stack) -> None:
    """`check` names the place and what to write."""
    stack.config["targets"]["app-env"]["only_between"] = ["22:00-06:00 Europe/Berlim"]
    code, _, err = stack.syncd("check", "--offline")
    assert code == 78
    assert "targets.app-env.only_between.0: '22:00-06:00 Europe/Berlim' names a time zone" in err


def test_the_time_of_day_begins_a_pass_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """An opening is due at its time though nothing changes, sooner where the clock is set; a pass forgets it."""
    agenda = Agenda(Debounce(), 0.0)
    agenda.begin()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    assert agenda.delay_s() is None
    agenda.again(now + 3600)
    assert agenda.delay_s() == pytest.approx(3600)
    monkeypatch.setattr(time, "time", lambda: now + 3600)
    assert agenda.delay_s() == pytest.approx(0, abs=0.001)
    agenda.begin()
    assert agenda.delay_s() is None
