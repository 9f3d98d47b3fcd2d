"""The status page and its events as a real daemon serves them."""

import re
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

from tests.integration.web.stream import Stream
from tests.support.daemon import Daemon
from tests.support.http import Http
from tests.support.processes import wait_until
from tests.support.stack import Stack

PLANTED = "planted-s3cret"


def http(running: Daemon, **headers: str) -> Http:
    """Return a client of the daemon."""
    return Http(f"http://127.0.0.1:{running.port}", headers)


def test_the_page_is_whole_without_javascript(stack: Stack, daemon: Callable[..., Daemon]) -> None:
    """It names every target with state and freshness, the source and its index; nothing is inline or from elsewhere."""
    running = daemon()
    answer = http(running)("GET", "/")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for words in ("Ready: 2 targets in sync", "edge", "app-env", "cloudflare_kv", "In sync", ", fresh", "Answers"):
        assert words in answer.text, words
    assert f"<dd>{running.status()['source']['index']}</dd>" in answer.text
    assert PLANTED not in answer.text
    assert not re.search(r"<style|<script(?! src)|\son\w+=|\sstyle=|(src|href)=\"(\w+:|/)", answer.text)


def test_the_browser_is_told_to_trust_nothing_else(daemon: Callable[..., Daemon]) -> None:
    """Page, assets and stream carry a policy that allows our own files only; what the page links to is there."""
    running = daemon()
    page = http(running)("GET", "/")
    paths = ["/", *("/" + path for path in re.findall(r'(?:src|href)="([^"#]+)"', page.text))]
    assert {"/assets/page.js", "/assets/page.css", "/assets/icon.svg", "/api/v1/status"} <= set(paths)
    for path in paths:
        answer = http(running)("GET", path)
        assert answer.status == 200, path
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';"), path
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert http(running)("GET", "/assets/../page.py").status in (403, 404)


def test_strangers_get_nothing_and_nobody_can_change_anything(daemon: Callable[..., Daemon]) -> None:
    """A page of another site that resolves its name to us is refused; whoever is known may only read."""
    running = daemon()
    for path in ("/", "/assets/page.js", "/api/v1/status", "/api/v1/events", "/nothing"):
        refused = http(running, Host=f"evil.example.com:{running.port}")("GET", path)
        assert (refused.status, "http.hosts" in refused.text) == (403, True), path
        assert "app-env" not in refused.text
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        for path in ("/", "/api/v1/events", "/assets/page.js"):
            assert http(running)(method, path).status == 405, (method, path)


def test_a_change_in_consul_arrives_at_the_page(stack: Stack, daemon: Callable[..., Daemon]) -> None:
    """A missing key is named, with the next try and words for screen readers; only what changed is sent; it heals."""
    running = daemon()
    with Stream(running.port) as stream:
        assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream")
        event = stream.next()
        assert event is not None
        assert set(event[1]["regions"]) == {"remarks", "overview", "source", "target-0", "target-1", "changes"}
        assert event[1]["announcement"] == ""
        stack.delete("services/app/url")
        news = stream.until("target-1", "Failed")
        assert "<code>services/app/url</code>" in news["regions"]["target-1"]
        assert "Next try" in news["regions"]["target-1"]
        assert "target-0" not in news["regions"]
        assert "app-env: failed: key" in news["announcement"]
        assert news["title"] == "Not ready: 1 of 2 targets is not in sync"
        stack.put(services__app__url="http://127.0.0.1:77")
        assert "app-env: in sync." in stream.until("target-1", "In sync</span>")["announcement"]
        assert PLANTED.encode() not in stream.read


def test_sigterm_ends_open_streams(daemon: Callable[..., Daemon]) -> None:
    """The daemon ends with 0 within 5 s though pages are open, and one of them does not read."""
    running = daemon()
    with ExitStack() as stack:
        streams = [stack.enter_context(Stream(running.port)) for _ in range(3)]
        deaf = stack.enter_context(socket.create_connection(("127.0.0.1", running.port)))
        deaf.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert all(stream.next() for stream in streams)
        assert running.stop(signal.SIGTERM) == 0
        while streams[0].next() is not None:
            pass


def test_the_page_that_comes_back_knows_that_it_is_another(stack: Stack, daemon: Callable[..., Daemon]) -> None:
    """A daemon with other targets has another layout, at which an open page loads itself anew."""
    running = daemon()
    layout = re.search(r'data-layout="(\w+)"', http(running)("GET", "/").text)
    assert layout
    with Stream(running.port) as stream:
        assert (stream.next() or ("", {}))[1]["layout"] == layout[1]
    assert running.stop() == 0
    stack.config["targets"]["more"] = {"kind": "env_file", "path": "out/more", "vars": {"A": "services/app/url"}}
    other = daemon()
    with Stream(other.port) as stream:
        assert (stream.next() or ("", {}))[1]["layout"] != layout[1]


def test_a_page_that_opens_later_shows_the_same(stack: Stack, daemon: Callable[..., Daemon]) -> None:
    """A paused target, with what to do about it, is in the page and in the first event, with the server's time."""
    running = daemon()
    (stack.folder / ".syncd/paused").touch()
    stack.put(services__app__url="http://127.0.0.1:5")
    wait_until(lambda: "It stays as it is until somebody lets it go on" in http(running)("GET", "/").text, 10)
    began = time.time()
    with Stream(running.port) as stream:
        event = stream.next()
        assert event is not None
        assert event[1]["now"] >= began - 1
        assert "Paused" in event[1]["regions"]["target-1"]


def test_the_plan_of_an_unsafe_target_is_a_click_away(stack: Stack, daemon: Callable[..., Daemon]) -> None:
    """Every delete with the value that would go; a target in sync has no plan, and one that is not there neither."""
    stack.put(**{f"config__domains__d{number}": f"<b>&{number}" for number in range(8)})
    running = daemon()
    for number in range(8):
        stack.delete(f"config/domains/d{number}")
    wait_until(lambda: running.target("edge")["state"] == "unsafe", 10)
    assert 'data-from="plans/edge"' in http(running)("GET", "/").text
    answer = http(running)("GET", "/plans/edge")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert re.search(r'<span class="delete">  - config/domains/d7 +&#34;&lt;b&gt;&amp;7&#34;</span>', answer.text)
    assert "unsafe: " in answer.text
    assert http(running)("GET", "/plans/app-env").status == 404
    assert http(running)("GET", "/plans/nobody").status == 404


def test_a_paused_file_shows_its_diff_without_secrets(stack: Stack, daemon: Callable[..., Daemon]) -> None:
    """As `syncd plan` does: the lines that would change, sensitive ones without their value."""
    running = daemon()
    (stack.folder / ".syncd/paused").touch()
    stack.put(services__app__url="http://127.0.0.1:5", secrets__db="another-" + PLANTED)
    wait_until(lambda: running.target("app-env")["state"] == "paused", 10)
    wait_until(lambda: "+DB_PASSWORD=" in http(running)("GET", "/plans/app-env").text, 10)
    shown = http(running)("GET", "/plans/app-env").text
    assert "+APP_URL=http://127.0.0.1:5" in shown
    assert "«sensitive»" in shown
    assert PLANTED not in shown


def test_the_last_changes_are_a_timeline(stack: Stack, daemon: Callable[..., Daemon]) -> None:
    """The newest first, each with what it changed, live; nothing sensitive in any of it."""
    running = daemon()
    with Stream(running.port) as stream:
        stack.put(config__domains__new="https://new.example.com")
        found = stream.until("changes", "<b>edge</b>: applied: 1 created")["regions"]["changes"]
    number = re.findall(r'data-from="changes/(\d+)"', found)[0]
    shown = http(running)("GET", f"/changes/{number}").text
    assert re.search(r'<span class="create">  \+ config/domains/new +&#34;https://new.example.com&#34;</span>', shown)
    assert http(running)("GET", "/changes/999999").status == 404
    assert http(running)("GET", "/changes/x").status == 404
    for one in re.findall(r'data-from="(changes/\d+)"', http(running)("GET", "/").text):
        assert PLANTED not in http(running)("GET", f"/{one}").text


def test_a_refused_config_is_said_on_the_page(stack: Stack, daemon: Callable[..., Daemon]) -> None:
    """As a note above everything, live, until it is mended."""
    running = daemon()
    good = (stack.folder / "config.yaml").read_text()
    with Stream(running.port) as stream:
        (stack.folder / "config.yaml").write_text(good + "oops<1>: 1\n")
        news = stream.until("remarks", "config.yaml was changed and is not in use")
        assert "&lt;1&gt;" in news["regions"]["remarks"]
        (stack.folder / "config.yaml").write_text(good)
        while "oops" in (news := (stream.next() or ("", {}))[1].get("regions", {}).get("remarks", "oops")):
            pass
        assert news.strip() == ""
