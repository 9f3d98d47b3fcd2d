"""A rollback that goes only half of the way: every place says what was done, and what was not."""

from __future__ import annotations

import socket

from syncd.core.history.lines import became
from syncd.core.history.model import HistoryEntry
from tests.support.stack import Stack


def test_pairs_of_which_one_became_anothers(stack: Stack) -> None:
    """The command, the pause and the history name the pair that was put back, and the one that is another's now."""
    assert stack.syncd("once")[0] == 0
    first = stack.json("history", "--target", "edge")[1]["entries"][0]["id"]
    stack.put(config__domains__api="https://new.example.com", config__domains__web="https://new.example.com")
    assert stack.syncd("once")[0] == 0
    stack.kv.put("config/domains/web", b"x", {"o": "another", "h": "0" * 32, "mi": 1})
    code, out, _ = stack.syncd("rollback", "edge", "--to", str(first))
    assert (code, stack.kv.get("config/domains/api")) == (1, b"https://api.example.com")
    assert f"edge: the rollback to {first} failed: 1 updated; not done: conflict: config/domains/web" in out
    assert "1 updated; not done: conflict: config/domains/web" in (stack.folder / ".syncd/paused.d/edge").read_text()
    entry = stack.json("history", "--target", "edge")[1]["entries"][0]
    assert (entry["outcome"], entry["counts"]["update"]) == ("rolled_back", 1)
    assert entry["error"].startswith("not all of it: conflict: config/domains/web")


def test_a_rollback_that_the_probe_refused(stack: Stack) -> None:
    """Its entry is one of a rollback, with the words of the probe that the command printed."""
    well = socket.create_server(("127.0.0.1", 0))
    probe = {"tcp": f"127.0.0.1:{well.getsockname()[1]}", "within": "1s"}
    stack.config["reloads"] = {"web": {"run": ["true"], "probe": probe}}
    stack.config["targets"]["lone"] = {
        "kind": "env_file",
        "path": "out/lone.env",
        "vars": {"API": "config/domains/api"},
        "reload": "web",
    }
    assert stack.syncd("once")[0] == 0
    stack.put(config__domains__api="https://new.example.com")
    assert stack.syncd("once")[0] == 0
    well.close()
    first = stack.json("history", "--target", "lone")[1]["entries"][-1]["id"]
    code, out, _ = stack.syncd("rollback", "lone", "--to", str(first))
    assert code == 1
    entry = stack.json("history", "--target", "lone")[1]["entries"][0]
    assert (entry["outcome"], entry["rolled_back_to"]) == ("restored", first)
    assert f"restored, a rollback to {first}" in stack.syncd("history")[1]
    assert "probe of web failed" in out
    assert "probe of web failed" in entry["error"]
    assert entry["error"].endswith("the files that stood there before were put back")


def test_what_became_of_it_in_words() -> None:
    """A rollback that failed is told from a pass that did."""
    entry = HistoryEntry(3, 1.0, "edge", "cloudflare_kv", "failed", 7, {"update": 1}, rolled_back_to=2)
    assert became(entry) == "failed, a rollback to 2: 1 updated"
