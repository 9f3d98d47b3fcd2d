"""A pause is seen wherever one looks: since when, why, and how it ends; it says so once."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.daemon import Daemon
from tests.support.http import Http
from tests.support.processes import wait_until
from tests.support.scrape import Scrape
from tests.support.stack import Stack

Start = Callable[..., Daemon]


def get(running: Daemon, path: str) -> tuple[int, str]:
    """Return status and text of one of the daemon's addresses."""
    answer = Http(f"http://127.0.0.1:{running.port}")("GET", path)
    return answer.status, answer.text


def test_a_pause_of_everything_is_seen_before_anything_waits(stack: Stack, daemon: Start) -> None:
    """Status, page, readyz, metrics, plan and explain say it while all is in sync; then each target that waits does."""
    running = daemon()
    assert Scrape.of(running.port).value("syncd_paused") == 0
    assert stack.syncd("pause", "--why", "INCIDENT \x1b[31m42\nready")[0] == 0
    why = "INCIDENT \\x1b[31m42 ready; `syncd resume` lets it go on"
    wait_until(lambda: running.status()["paused"], 10)
    assert running.status()["paused"]["why"] == why.partition(";")[0]
    places = [
        stack.syncd("status")[1],
        get(running, "/readyz")[1],
        stack.syncd("plan")[2],
        stack.syncd("explain", "edge")[1],
    ]
    for text in places:
        assert "everything is paused since 2" in text, text
        assert why in " ".join(text.split()), text
    assert "INCIDENT \\x1b[31m42 ready" in get(running, "/")[1]
    assert (get(running, "/readyz")[0], stack.syncd("status")[0]) == (200, 0)
    assert Scrape.of(running.port).value("syncd_paused") == 1
    stack.put(services__app__url="http://127.0.0.1:10")
    wait_until(lambda: running.target("app-env")["state"] == "paused", 15)
    (reason,) = running.target("app-env")["reasons"]
    assert reason.startswith("everything is paused since 2")
    assert reason.endswith(why)
    assert get(running, "/")[1].count("INCIDENT") == 2  # the note, the target
    assert stack.syncd("pause")[1] == "everything is paused already\n"
    assert "INCIDENT" in running.status()["paused"]["why"]


def test_a_second_reason_takes_the_place_of_the_first(stack: Stack, daemon: Start) -> None:
    """And a rollback without one keeps it; to what is held already it changes nothing, not even when it was applied."""
    running = daemon()
    applied = running.target("edge")["last_applied_at"]
    assert stack.syncd("pause", "edge", "--why", "first")[0] == 0
    since = stack_since(running, "first")
    assert stack.syncd("pause", "edge", "--why", "second\x1b[2J")[1] == (
        "edge is paused already; the reason is the new one now\n"
    )
    assert stack_since(running, "second\\x1b[2J") == since
    number = str(stack.json("history", "--target", "edge")[1]["entries"][0]["id"])
    code, out, err = stack.syncd("rollback", "edge", "--to", number)
    assert (code, "it held that already" in out) == (0, True), err
    assert stack_since(running, f"rolled back to {number} (it held that already): second") == since
    assert running.target("edge")["last_applied_at"] == applied
    assert "\x1b" not in stack.syncd("status")[1]


def stack_since(running: Daemon, words: str) -> str:
    """Return since when the target `edge` is paused, once its reason holds some words."""
    found = wait_until(lambda: [one for one in running.target("edge")["reasons"] if words in one], 15)
    assert found
    return str(found[0])[: len("paused since 2026-01-01 00:00:00 UTC")]


def test_what_is_tried_again_and_goes_as_before_is_logged_once(stack: Stack, daemon: Start) -> None:
    """One member of a group fails again and again: a line for it, none for the other, which has no next try."""
    stack.config["reloads"] = {"web": {"run": ["true"]}}
    stack.config["targets"]["app-env"]["reload"] = "web"
    other = {"kind": "env_file", "path": "out/lame.env", "vars": {"API": "services/lame"}, "reload": "web"}
    stack.config["targets"]["lame"] = other
    stack.put(services__lame="1")
    running = daemon()
    stack.delete("services/lame")
    passes = {"target": "lame", "outcome": "failed"}
    wait_until(lambda: Scrape.of(running.port).value("syncd_target_passes_total", **passes) > 2, 20)
    said = [(one["target"], one["state"]) for one in running.events("target") if one["target"] != "edge"]
    assert said.count(("lame", "failed")) == 1, said
    assert said.count(("app-env", "in_sync")) == 1, said
    assert running.target("lame")["next_retry_at"] is not None
    assert running.target("app-env")["next_retry_at"] is None


def test_numbers_that_are_none(stack: Stack, daemon: Start) -> None:
    """What is no number of an entry is said in our words; a change that never was is not said to be forgotten."""
    running = daemon()
    for args in (("show", "abc"), ("rollback", "edge", "--to", "abc"), ("show", "²")):
        code, _, err = stack.syncd(*args)
        assert (code, "is no number of an entry; `syncd history` lists them" in err) == (64, True), err
    assert get(running, "/changes/999") == (404, "there is no such change\n")
