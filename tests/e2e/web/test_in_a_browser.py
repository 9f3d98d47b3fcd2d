"""The status page in a real browser: content, live, by keyboard, on a phone, light and dark, axe."""

import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.web.browser import Browser
from tests.support.daemon import Daemon
from tests.support.processes import wait_until
from tests.support.stack import Stack

pytestmark = pytest.mark.e2e
FOCUSED = "(document.activeElement.id || document.activeElement.className)"
LIST = "document.getElementById('missing-2')"


def troubled(stack: Stack, daemon: Callable[..., Daemon]) -> Daemon:
    """Return a daemon with targets in sync, failed for many missing keys, and unsafe."""
    stack.put(**{f"config__domains__d{number}": "x" for number in range(8)})
    stack.config["targets"]["many"] = {
        "kind": "env_file",
        "path": "out/many",
        "vars": {f"V{number}": f"absent/a-rather-long-name-of-a-key/{number}" for number in range(12)},
    }
    running = daemon(ready=False)
    wait_until(lambda: _state(running, "many") == "failed" and _state(running, "edge") == "in_sync", 20)
    for number in range(8):
        stack.delete(f"config/domains/d{number}")
    wait_until(lambda: _state(running, "edge") == "unsafe", 10)
    return running


def _state(running: Daemon, name: str) -> str:
    try:
        return str(running.target(name)["state"])
    except OSError:
        return ""


def test_it_follows_a_real_consul(stack: Stack, daemon: Callable[..., Daemon], browser: Browser) -> None:
    """A missing key appears and goes without a reload of the page, in title, overview, card and live region."""
    running = daemon()
    browser.open(running.port)
    browser.wait_for("#overview", "Ready: 2 targets in sync")
    browser("evaluate", script="window.sameDocument = true")
    stack.delete("services/app/url")
    browser.wait_for("#target-1", "services/app/url")
    assert browser("evaluate", script="document.title").startswith("Not ready: 1 of 2 targets")
    browser.wait_for("#announcement", "app-env: failed")
    assert re.search(r"Next try\n(in \d+ s|due)", browser.text("#target-1"))
    assert browser.text("#overview .waiting") == "app-env: failed"
    stack.put(services__app__url="http://127.0.0.1:77")
    browser.wait_for("#overview", "Ready: 2 targets in sync")
    assert re.search(r"Last change\n(now|\d+ s ago)", browser.text("#target-1"))
    assert browser("evaluate", script="window.sameDocument")
    assert "planted-s3cret" not in browser("evaluate", script="document.documentElement.outerHTML")
    assert browser("complaints") == []


def test_plans_and_changes_unfold(
    stack: Stack, daemon: Callable[..., Daemon], browser: Browser, tmp_path: Path
) -> None:
    """By keyboard, in place, and kept up to date: the diff of an unsafe plan, and what the last change was."""
    running = troubled(stack, daemon)
    browser.open(running.port, width=800)
    browser.wait_for("#target-0", "Unsafe")
    browser("evaluate", script="document.getElementById('plan-0-summary').focus()")
    browser("press", key="Enter")
    browser.wait_for("#plan-0", "- config/domains/d7")
    stack.delete("config/domains/web")
    browser.wait_for("#plan-0", "- config/domains/web")  # it stays unfolded, and shows the newer plan
    stack.put(services__app__url="http://127.0.0.1:78")
    browser.wait_for("#changes", "app-env: applied: 1 updated")
    browser("evaluate", script="document.querySelector('#changes summary').click()")
    browser.wait_for("#changes details", "+APP_URL=http://127.0.0.1:78")
    assert browser("axe")["violations"] == []
    assert "planted-s3cret" not in browser("evaluate", script="document.documentElement.outerHTML")
    browser("screenshot", path=str(tmp_path / "unfolded.png"))
    assert browser("complaints") == []


def test_it_says_when_syncd_is_gone_and_recovers(
    stack: Stack, daemon: Callable[..., Daemon], browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is shown is marked as old; the page goes on with the next daemon, and loads itself where that is another."""
    running = daemon()
    browser.open(running.port)
    assert running.stop(signal.SIGTERM) == 0
    browser.wait_for("#lost", "syncd has not answered since")
    assert browser.text("#connection") == "Not connected"
    assert browser("axe")["violations"] == []
    stack.config["targets"]["more"] = {"kind": "env_file", "path": "out/more", "vars": {"A": "services/app/url"}}
    monkeypatch.setattr("tests.support.daemon.free_port", lambda: running.port)
    other = daemon()
    browser.wait_for("#target-2", "more")
    browser.wait_for("#connection", "Live")
    assert other.ready()
    assert not browser("evaluate", script="document.getElementById('lost').checkVisibility()")


def test_it_is_used_by_keyboard(stack: Stack, daemon: Callable[..., Daemon], browser: Browser) -> None:
    """Skip link, links to what is wrong, a folded list that stays open and keeps the focus while the page changes."""
    running = troubled(stack, daemon)
    browser.open(running.port)
    browser("press", key="Tab")
    assert browser("evaluate", script=FOCUSED) == "skip"
    assert browser("evaluate", script="document.activeElement.getBoundingClientRect().top") >= 0
    browser("press", key="Tab")
    assert browser("evaluate", script=FOCUSED) == "to-target-0"
    assert browser("evaluate", script="getComputedStyle(document.activeElement).outlineStyle") == "solid"
    browser("press", key="Tab")
    browser("press", key="Enter")
    assert browser("evaluate", script=FOCUSED) == "target-2"
    browser("press", key="Tab")
    browser("press", key="Enter")
    browser("wait", until=f"{LIST}.open")
    browser("evaluate", script=f"window.before = {LIST}")
    browser("wait", until=f"{LIST} !== window.before")  # the next try has put new content in place
    assert browser("evaluate", script=f"{LIST}.open")
    assert browser("evaluate", script=FOCUSED) == "missing-2-summary"
    assert browser("complaints") == []


@pytest.mark.parametrize(("width", "scheme"), [(1100, "light"), (1100, "dark"), (320, "light"), (375, "dark")])
def test_axe_and_width(
    width: int, scheme: str, tmp_path: Path, stack: Stack, daemon: Callable[..., Daemon], browser: Browser
) -> None:
    """No violation of any rule of axe, contrast among them, and nothing to scroll sideways."""
    running = troubled(stack, daemon)
    browser.open(running.port, width=width, scheme=scheme)
    browser.wait_for("#target-0", "Unsafe")
    browser("evaluate", script=f"{LIST}.open = true")
    report = browser("axe")
    assert report["violations"] == []
    assert report["passes"] > 20
    assert browser("evaluate", script="document.documentElement.scrollWidth") <= width
    dark = browser("evaluate", script="getComputedStyle(document.body).backgroundColor") == "rgb(18, 21, 26)"
    assert dark == (scheme == "dark")
    assert browser("complaints") == []
    browser("screenshot", path=str(tmp_path / f"{scheme}-{width}.png"))
