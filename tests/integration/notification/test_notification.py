"""The webhook: told once of what lasts and of its end, never told a secret, and nobody waits for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.support.daemon import Daemon
from tests.support.hook import Hook
from tests.support.processes import free_port, wait_until
from tests.support.scrape import Scrape
from tests.support.stack import Stack

Start = Callable[..., Daemon]
SECRET = "/services/T0KEN/B0T/s3cr3t-part"


def notify(stack: Stack, hook: Hook, **more: Any) -> None:
    """Have the stack tell the hook, soon."""
    stack.config["notify"] = {"url": hook.url + SECRET, "after": "0s", "min_interval": "0s", **more}


def said(hook: Hook) -> list[dict[str, str]]:
    """Return the messages so far, as JSON."""
    return [json.loads(one.body) for one in hook.messages]


def fail(stack: Stack) -> None:
    """Let the env file miss its key."""
    stack.delete("services/app/url")


def write(stack: Stack) -> None:
    """Write the config while a daemon runs."""
    (stack.folder / "config.yaml").write_text(yaml.safe_dump(stack.config, sort_keys=False))


def test_a_failure_is_told_once_and_its_end_once(stack: Stack, daemon: Start, hook: Hook) -> None:
    """A missing key is one message with all that an operator asks first; its return is another."""
    stack.config["environment"] = "production"
    notify(stack, hook, headers={"X-From": "syncd"})
    running = daemon()
    fail(stack)
    (bad,) = wait_until(lambda: said(hook), 15)
    assert (bad["event"], bad["target"], bad["owner"], bad["environment"]) == (
        "failed",
        "app-env",
        "test-owner",
        "production",
    )
    assert "services/app/url" in bad["reason"]
    assert bad["text"] == f"syncd test-owner: app-env: failed: {bad['reason']}"
    assert hook.messages[0].method == "POST"
    assert hook.messages[0].path == SECRET
    assert hook.messages[0].headers["content-type"] == "application/json"
    assert hook.messages[0].headers["x-from"] == "syncd"
    passes = {"target": "app-env", "outcome": "failed"}
    wait_until(lambda: Scrape.of(running.port).value("syncd_target_passes_total", **passes) > 2, 15)
    stack.put(services__app__url="http://127.0.0.1:9")
    wait_until(lambda: len(hook.messages) == 2, 15)
    assert (said(hook)[1]["event"], said(hook)[1]["reason"]) == ("recovered", "")
    assert running.stop() == 0
    assert len(hook.messages) == 2
    assert [line["what"] for line in running.events("notified")] == ["failed", "recovered"]


def test_unsafe_and_held_are_told(stack: Stack, daemon: Start, hook: Hook) -> None:
    """A plan past the limits is unsafe; what is asked for is told, and nothing else."""
    for number in range(10):
        stack.put(**{f"config__domains__n{number}": "x"})
    notify(stack, hook, on=["unsafe"])
    daemon()
    stack.consul.delete(stack.prefix + "config/domains/", recurse=True)
    found = wait_until(lambda: said(hook), 15)
    assert (found[0]["event"], found[0]["target"]) == ("unsafe", "edge")


def test_a_failed_reload_is_told_without_secrets(stack: Stack, daemon: Start, hook: Hook) -> None:
    """What the command prints holds a sensitive value and the URL; the message holds neither."""
    notify(stack, hook)
    command = f"cat out/app.env; echo {hook.url}{SECRET}; exit 1"
    stack.config["reloads"] = {"app": {"run": ["sh", "-c", command]}}
    stack.config["targets"]["app-env"]["reload"] = "app"
    running = daemon(ready=False)
    (bad,) = wait_until(lambda: said(hook), 20)
    assert bad["event"] == "failed"
    assert "reload of app failed" in bad["reason"]
    everything = hook.messages[0].body.decode() + running.log.read_text()
    assert "planted-s3cret" not in everything
    assert "s3cr3t-part" not in everything


def test_a_body_of_ones_own(stack: Stack, daemon: Start, hook: Hook) -> None:
    """A template with a filter, another method, the URL and a header from files."""
    (stack.folder / "hook-url").write_text(f"{hook.url}{SECRET}\n")
    (stack.folder / "hook-token").write_text("Bearer t0k3n\n")
    stack.config["notify"] = {
        "url_file": "hook-url",
        "headers_file": {"Authorization": "hook-token"},
        "method": "put",
        "body": '{"summary": {{ text | tojson }}, "id": "{{ owner }}/{{ target }}"}',
        "after": "0s",
    }
    running = daemon()
    fail(stack)
    wait_until(lambda: hook.messages, 15)
    (only,) = hook.messages
    assert (only.method, only.path, only.headers["authorization"]) == ("PUT", SECRET, "Bearer t0k3n")
    found = json.loads(only.body)
    assert found["id"] == "test-owner/app-env"
    assert found["summary"].startswith("syncd test-owner: app-env: failed: ")
    assert "s3cr3t-part" not in running.log.read_text()


@pytest.mark.parametrize("status", [503, 429])
def test_what_may_work_later_is_sent_again(stack: Stack, daemon: Start, hook: Hook, status: int) -> None:
    """The same message, until it is taken."""
    hook.answers = [status]
    notify(stack, hook)
    running = daemon()
    fail(stack)
    wait_until(lambda: len(hook.messages) == 2, 20)
    assert hook.messages[0].body == hook.messages[1].body
    wait_until(lambda: running.events("notified"), 10)


def test_a_message_that_is_refused_holds_up_no_other(stack: Stack, daemon: Start, hook: Hook) -> None:
    """While it is tried again and again others are taken; what is not true any more by then is never said."""
    notify(stack, hook)
    hook.busy = b"app-env"
    running = daemon()
    fail(stack)
    wait_until(lambda: len(hook.messages) == 2, 15)
    config = stack.folder / "config.yaml"
    config.write_text(config.read_text() + "nonsense: 1\n")
    wait_until(lambda: running.events("notified"), 10)
    stack.put(services__app__url="http://127.0.0.1:9")
    wait_until(lambda: said(hook)[-1]["event"] == "recovered", 15)
    hook.busy = b""
    wait_until(lambda: len(running.events("notified")) == 2, 15)
    told = [(line["what"], line["targets"]) for line in running.events("notified")]
    assert told == [("failed", []), ("recovered", ["app-env"])]
    assert [one["event"] for one in said(hook) if one["target"]][-1] == "recovered"
    counted = Scrape.of(running.port)
    assert counted.value("syncd_notifications_total", result="sent") == 2
    assert counted.value("syncd_notifications_total", result="failed") == 0


@pytest.mark.parametrize("status", [404, 302])
def test_what_is_refused_is_an_event_without_the_url(stack: Stack, daemon: Start, hook: Hook, status: int) -> None:
    """The server quotes the path and redirects: nothing of it is in the log, and nobody is followed."""
    hook.answers = [status]
    notify(stack, hook)
    running = daemon()
    fail(stack)
    (line,) = wait_until(lambda: running.events("notification_failed"), 15)
    assert line["error"] == f"the webhook answered {status}, not 2xx"
    assert "s3cr3t-part" not in running.log.read_text()
    assert [one.path for one in hook.messages] == [SECRET]


def test_nobody_waits_for_a_webhook_that_says_nothing(stack: Stack, daemon: Start, hook: Hook) -> None:
    """A hook that hangs holds up no target; the daemon ends in time."""
    hook.silent = True
    notify(stack, hook)
    running = daemon()
    fail(stack)
    wait_until(lambda: hook.messages, 15)
    stack.put(config__domains__api="https://new.example.com")
    wait_until(lambda: stack.kv.get("config/domains/api") == b"https://new.example.com", 10)
    assert running.stop() == 0


def test_a_hook_that_is_not_there_is_an_event(stack: Stack, daemon: Start) -> None:
    """After all tries; the error says why, and not where."""
    url = f"http://127.0.0.1:{free_port()}{SECRET}"
    stack.config["notify"] = {"url": url, "after": "0s", "retries": 0}
    running = daemon()
    fail(stack)
    (line,) = wait_until(lambda: running.events("notification_failed"), 15)
    assert line["error"].startswith("the webhook cannot be reached")
    assert SECRET not in running.log.read_text()


def test_a_refused_config_is_told(stack: Stack, daemon: Start, hook: Hook) -> None:
    """A bad edit is told once, and that its correction is in use."""
    notify(stack, hook)
    running = daemon()
    good = (stack.folder / "config.yaml").read_text()
    (stack.folder / "config.yaml").write_text(good + "nonsense: 1\n")
    (bad,) = wait_until(lambda: said(hook), 15)
    assert bad["text"].startswith("syncd test-owner: the config file config.yaml: is refused, the one before stays")
    assert "nonsense: is an unknown key" in bad["reason"]
    (stack.folder / "config.yaml").write_text(good)
    wait_until(lambda: len(hook.messages) == 2, 15)
    assert said(hook)[1]["event"] == "recovered"
    assert running.ready()


def test_another_configuration_takes_over(stack: Stack, daemon: Start, hook: Hook) -> None:
    """A hook that is added while the daemon runs is told; what was told before is remembered by the next."""
    daemon()
    fail(stack)
    notify(stack, hook)
    write(stack)
    wait_until(lambda: hook.messages, 20)
    stack.config["notify"]["headers"] = {"X-Round": "2"}
    write(stack)
    stack.put(services__app__url="http://127.0.0.1:9")
    wait_until(lambda: len(hook.messages) >= 2, 20)
    assert [one["event"] for one in said(hook)] == ["failed", "recovered"]


@pytest.mark.parametrize(
    ("notify", "words"),
    [
        ({}, "notify: has no URL; write url or url_file"),
        ({"url": "ftp://x/s3cr3t-part"}, "notify.url: is not a URL"),
        ({"url": "http://x/s3cr3t-part", "url_file": "x"}, "notify.url_file: stands beside url"),
        ({"url": "http://x/", "on": ["broken"]}, "notify.on.0"),
        ({"url": "http://x/", "body": "{{ secret }}"}, "notify.body: '{{ secret }}' cannot be rendered"),
        ({"url": "http://x/", "body": "{% if %}"}, "notify.body"),
        ({"url": "http://x/", "headers": {"A": "1"}, "headers_file": {"a": "f"}}, "stands beside the same name"),
    ],
)
def test_faults(stack: Stack, notify: dict[str, Any], words: str) -> None:
    """Each has its place and what to do, and none shows the URL."""
    stack.config["notify"] = notify
    code, _, err = stack.syncd("check", "--offline")
    assert code == 78
    assert words in err
    assert "s3cr3t-part" not in err
