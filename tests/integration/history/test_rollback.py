"""History and undo on real servers: what was applied is shown, put back and paused, and followed again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.backend import HttpBackend
from tests.support.daemon import Daemon
from tests.support.http import Http
from tests.support.nginx import NginxServer
from tests.support.processes import wait_until
from tests.support.stack import Stack

WithNginx = tuple[Stack, NginxServer, int]
Start = Callable[..., Daemon]
Backends = Callable[..., HttpBackend]


def entries(stack: Stack, target: str) -> list[dict[str, Any]]:
    """Return the history of a target, the newest first."""
    code, document = stack.json("history", "--target", target)
    assert code == 0
    found: list[dict[str, Any]] = document["entries"]
    return found


def answers(port: int) -> str:
    """Return which backend nginx asks."""
    return str(Http(f"http://127.0.0.1:{port}")("GET", "/").json()["backend"])


def two_backends(with_nginx: WithNginx, http_backend: Backends) -> tuple[Stack, int, str]:
    """Apply a first backend, then a second: the stack, nginx's port, and the diff that the second plan showed."""
    stack, _, port = with_nginx
    for name in ("first", "second"):
        stack.put(services__app__url=http_backend(name).url)
        diff = stack.target(stack.json("plan", "--target", "proxy")[1], "proxy")["diff"]
        assert stack.syncd("once")[0] == 0
        wait_until(lambda name=name: answers(port) == name, 5)  # type: ignore[misc]
    return stack, port, diff


def test_a_file_goes_back_and_follows_again(with_nginx: WithNginx, http_backend: Backends) -> None:
    """Without a daemon: nginx serves the old upstream, `once` leaves the target alone and says so, resume ends that."""
    stack, port, diff = two_backends(with_nginx, http_backend)
    second, first = entries(stack, "proxy")
    assert (first["counts"]["create"], second["counts"]["update"]) == (1, 1)
    assert stack.json("show", str(second["id"]))[1]["diff"] == diff
    code, out, err = stack.syncd("rollback", "proxy", "--to", str(first["id"]), "--why", "the new one is down")
    assert (code, f"rolled back to {first['id']}: 1 updated" in out) == (0, True), err
    wait_until(lambda: answers(port) == "first", 5)
    code, report = stack.json("once")
    assert (code, stack.target(report, "proxy")["outcome"]) == (3, "skipped")
    assert "the new one is down" in stack.target(report, "proxy")["error"]
    assert stack.target(report, "app-env")["outcome"] == "in_sync"
    assert "syncd resume proxy" in stack.syncd("plan", "--target", "proxy")[1]
    assert stack.syncd("once", "--force")[0] == 3
    assert answers(port) == "first"
    assert stack.syncd("resume", "proxy")[0] == 0
    assert stack.syncd("once")[0] == 0
    wait_until(lambda: answers(port) == "second", 5)
    assert [one["outcome"] for one in entries(stack, "proxy")] == ["applied", "rolled_back", "applied", "applied"]
    assert entries(stack, "proxy")[1]["rolled_back_to"] == first["id"]


def test_a_check_that_refuses_a_rollback_changes_nothing(with_nginx: WithNginx, http_backend: Backends) -> None:
    """nginx does not take what once was fine: the file is as it was, the command and the history say so, 1."""
    stack, port, _ = two_backends(with_nginx, http_backend)
    path = stack.folder / "out/nginx/app.conf"
    before = path.read_bytes()
    (stack.folder / "out/nginx/other.conf").write_text("no such directive;\n")
    first = entries(stack, "proxy")[-1]["id"]
    code, out, _ = stack.syncd("rollback", "proxy", "--to", str(first))
    assert code == 1
    assert "failed: all files of the group are as they were: check of nginx failed" in out
    assert path.read_bytes() == before
    assert answers(port) == "second"
    refused = entries(stack, "proxy")[0]
    assert (refused["outcome"], refused["content_kept"]) == ("restored", False)
    assert stack.syncd("rollback", "proxy", "--to", str(refused["id"]))[0] == 3
    assert "no such directive" not in json.dumps(refused), "what a check says may hold a secret"


def test_pairs_go_back_and_what_is_not_ours_stays(stack: Stack) -> None:
    """Updated, created and deleted pairs are as they were; another owner's stays; Consul is not asked."""
    assert stack.syncd("once")[0] == 0
    first = entries(stack, "edge")[0]["id"]
    stack.kv.put("config/domains/theirs", b"x", {"o": "another", "h": "0" * 32, "mi": 1})
    stack.put(config__domains__api="https://new.example.com", config__domains__more="https://more.example.com")
    stack.delete("config/domains/web")
    assert stack.syncd("once", "--force")[0] == 0
    changed = stack.json("show", str(entries(stack, "edge")[0]["id"]))[1]
    assert [(one["op"], one["key"], one["old"], one["new"]) for one in changed["changes"]] == [
        ("update", "config/domains/api", "https://api.example.com", "https://new.example.com"),
        ("create", "config/domains/more", None, "https://more.example.com"),
        ("delete", "config/domains/web", "https://www.example.com", None),
    ]
    address, stack.config["consul"]["address"] = stack.config["consul"]["address"], "http://127.0.0.1:9"
    code, out, err = stack.syncd("rollback", "edge", "--to", str(first))
    assert (code, "1 created, 1 updated, 1 deleted" in out) == (0, True), out + err
    assert stack.kv.get("config/domains/api") == b"https://api.example.com"
    assert stack.kv.get("config/domains/web") == b"https://www.example.com"
    assert stack.kv.get("config/domains/more") is None
    assert stack.kv.get("config/domains/theirs") == b"x"
    stack.config["consul"]["address"] = address
    assert stack.syncd("resume", "edge")[0] == 0
    assert stack.syncd("once", "--force")[0] == 0
    assert stack.kv.get("config/domains/api") == b"https://new.example.com"
    assert stack.kv.get("config/domains/web") is None


def test_a_lost_history_begins_with_what_is_found(stack: Stack) -> None:
    """What is in sync then is the first entry, and a way back."""
    assert stack.syncd("once")[0] == 0
    (stack.folder / ".syncd/journal.db").unlink()
    for _ in range(2):
        assert stack.syncd("once")[0] == 0
    (found,) = entries(stack, "edge")
    assert (found["outcome"], found["content_kept"]) == ("found", True)
    stack.put(config__domains__api="https://new.example.com")
    assert stack.syncd("once")[0] == 0
    assert stack.syncd("rollback", "edge", "--to", str(found["id"]))[0] == 0
    assert stack.kv.get("config/domains/api") == b"https://api.example.com"


def test_a_target_with_secrets_keeps_no_content(stack: Stack) -> None:
    """It says so, refuses with 3, and the secret is nowhere in the state dir; the masked diff is there."""
    assert stack.syncd("once")[0] == 0
    stack.put(secrets__db="rotated-s3cret", services__app__url="http://127.0.0.1:10")
    assert stack.syncd("once")[0] == 0
    second, first = entries(stack, "app-env")
    assert "sensitive" in second["why_no_way_back"]
    code, _, err = stack.syncd("rollback", "app-env", "--to", str(first["id"]))
    assert (code, "no content is kept" in err) == (3, True)
    assert "app-env: no content is kept" in stack.syncd("history")[1]
    diff = stack.json("show", str(second["id"]))[1]["diff"]
    assert "+APP_URL=http://127.0.0.1:10" in diff
    assert "+DB_PASSWORD=«sensitive»" in diff
    stored = b"".join(path.read_bytes() for path in (stack.folder / ".syncd").rglob("*") if path.is_file())
    assert b"s3cret" not in stored
    assert not (stack.folder / ".syncd/paused.d").exists()


def test_the_daemon_carries_a_rollback_out(with_nginx: WithNginx, http_backend: Backends, daemon: Start) -> None:
    """It holds the state dir: it rolls back, says why it is paused, also after a restart, and follows when resumed."""
    stack, port, _ = two_backends(with_nginx, http_backend)
    first = entries(stack, "proxy")[-1]["id"]
    running = daemon()
    applied_at = running.target("proxy")["last_applied_at"]
    assert applied_at is not None, "a new process knows when it was applied"
    code, out, err = stack.syncd("rollback", "proxy", "--to", str(first))
    assert (code, f"rolled back to {first}" in out) == (0, True), err
    wait_until(lambda: answers(port) == "first", 5)
    wait_until(lambda: running.target("proxy")["state"] == "paused", 10)
    assert f"rolled back to {first}" in running.target("proxy")["last_error"]
    third = http_backend("third")
    stack.put(services__app__url=third.url)
    wait_until(lambda: f"APP_URL={third.url}\n" in (stack.folder / "out/app.env").read_text(), 10)
    assert running.stop() == 0
    running = daemon(ready=False)
    wait_until(lambda: stack.syncd("status")[0] == 1 and running.target("proxy")["state"] == "paused", 20)
    assert answers(port) == "first"
    assert "`syncd resume proxy` lets it follow again" in stack.syncd("status")[1]
    assert stack.syncd("resume", "proxy")[0] == 0
    wait_until(running.ready, 10)
    wait_until(lambda: answers(port) == "third", 5)
    assert stack.syncd("rollback", "edge", "--to", str(first))[0] == 64


def test_the_daemon_rolls_pairs_back(stack: Stack, daemon: Start) -> None:
    """Also where its first word on them is a request that was left while nobody ran."""
    running = daemon()
    first = entries(stack, "edge")[0]["id"]
    stack.put(config__domains__api="https://new.example.com")
    wait_until(lambda: stack.kv.get("config/domains/api") == b"https://new.example.com", 10)
    wait_until(running.ready, 10)
    assert stack.syncd("rollback", "edge", "--to", str(first))[0] == 0
    assert stack.kv.get("config/domains/api") == b"https://api.example.com"
    assert stack.syncd("resume", "edge")[0] == 0
    wait_until(lambda: stack.kv.get("config/domains/api") == b"https://new.example.com", 10)
    assert running.stop() == 0
    folder = stack.folder / ".syncd/paused.d"
    folder.mkdir(exist_ok=True)
    (folder / "edge").write_text(json.dumps({"since": 1.0, "undo": {"to": first, "state": "asked"}}))
    running = daemon(ready=False)
    wait_until(lambda: stack.kv.get("config/domains/api") == b"https://api.example.com", 20)
    wait_until(lambda: "rolled back" in str(running.target("edge")["last_error"]), 10)


@pytest.mark.parametrize("by_hand", [False, True])
def test_pause_and_resume(stack: Stack, daemon: Start, by_hand: bool) -> None:
    """One target waits and says since when and why, the others go on; a file that somebody touched does the same."""
    running = daemon()
    folder = stack.folder / ".syncd/paused.d"
    if by_hand:
        folder.mkdir(exist_ok=True)
        (folder / "app-env").touch()
    else:
        assert stack.syncd("pause", "app-env", "--why", "Ana looks at it")[0] == 0
    wait_until(lambda: running.target("app-env")["state"] == "paused", 10)
    stack.put(services__app__url="http://127.0.0.1:5", config__domains__api="https://new.example.com")
    wait_until(lambda: stack.kv.get("config/domains/api") == b"https://new.example.com", 10)
    wait_until(lambda: running.target("edge")["state"] == "in_sync", 10)
    assert "127.0.0.1:5" not in (stack.folder / "out/app.env").read_text()
    assert by_hand or "Ana looks at it" in running.target("app-env")["last_error"]
    assert stack.syncd("resume")[1].splitlines()[-1].startswith("still paused by itself: app-env")
    assert stack.syncd("resume", "app-env")[0] == 0
    wait_until(lambda: "APP_URL=http://127.0.0.1:5\n" in (stack.folder / "out/app.env").read_text(), 10)
    wait_until(running.ready, 10)


def test_everything_is_paused_and_resumed(stack: Stack, daemon: Start) -> None:
    """`pause` makes the file `paused`; `resume` is noticed without a signal."""
    running = daemon()
    assert stack.syncd("pause")[0] == 0
    assert (stack.folder / ".syncd/paused").exists()
    stack.put(services__app__url="http://127.0.0.1:5")
    wait_until(lambda: running.target("app-env")["state"] == "paused", 10)
    assert stack.syncd("resume")[0] == 0
    wait_until(lambda: "APP_URL=http://127.0.0.1:5\n" in (stack.folder / "out/app.env").read_text(), 10)
    wait_until(running.ready, 10)
    assert stack.syncd("pause", "nobody")[0] == 64


def test_a_member_of_a_group_is_paused_alone(with_nginx: WithNginx, http_backend: Backends) -> None:
    """It keeps its file; the other file of the group is written, checked and reloaded."""
    stack, _, port = with_nginx
    stack.put(services__app__url=http_backend("first").url)
    (stack.folder / "note.conf.j2").write_text("# {{ key('services/app/url') }}\n")
    stack.config["targets"]["note"] = {
        "kind": "template",
        "template": "note.conf.j2",
        "path": "out/nginx/note.conf",
        "reload": "nginx",
    }
    assert stack.syncd("once")[0] == 0
    assert stack.syncd("pause", "proxy")[0] == 0
    url = http_backend("second").url
    stack.put(services__app__url=url)
    code, report = stack.json("once")
    assert (code, report["reloads"][0]["state"]) == (3, "done")
    assert (stack.folder / "out/nginx/note.conf").read_text() == f"# {url}\n"
    assert answers(port) == "first"
