"""`--hide-values` of the commands that carry out: what they report can be shown in public."""

from __future__ import annotations

import pytest

from tests.support.stack import Stack

VALUES = ("moved.example.com", "https://api.example.com", "127.0.0.1:10", "127.0.0.1:9")


@pytest.fixture
def moved(stack: Stack) -> Stack:
    """A stack that was applied once, and whose changes since are more than its limits allow."""
    stack.config["limits"] = {"max_delete_percent": 0, "max_update_percent": 0, "min_entries": 0}
    assert stack.syncd("once")[0] == 0
    stack.put(config__domains__api="https://moved.example.com", services__app__url="http://127.0.0.1:10")
    return stack


@pytest.mark.parametrize("words", [["once"], ["once", "--dry-run"]], ids=" ".join)
@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_what_was_refused(moved: Stack, words: list[str], form: str) -> None:
    """Every change is named, and neither its value nor its diff."""
    shown = "".join(moved.syncd(*words, "--format", form)[1:])
    assert "moved.example.com" in shown
    hidden = "".join(moved.syncd(*words, "--format", form, "--hide-values")[1:])
    assert not [value for value in VALUES if value in hidden]
    assert "config/domains/api" in hidden
    assert "unsafe" in hidden


@pytest.mark.parametrize("words", [["once"], ["apply", "plan.json"]], ids=" ".join)
def test_what_was_done(moved: Stack, words: list[str]) -> None:
    """The report of what was carried out names the changes without their values."""
    moved.syncd("plan", "--out", "plan.json")
    code, report = moved.json(*words, "--force", "--hide-values")
    assert (code, [one["outcome"] for one in report["targets"]]) == (0, ["applied", "applied"])
    assert not [value for value in VALUES if value in str(report)]
    assert [len(one["changes"]) for one in report["targets"]] == [1, 1]


@pytest.mark.parametrize(
    "words", [["plan"], ["once", "--dry-run"], ["once", "--force"], ["apply", "plan.json", "--force"]]
)
def test_markdown_beside_the_result(moved: Stack, words: list[str]) -> None:
    """`--markdown` writes a file too, as hidden as the rest; one that cannot be written changes no exit code."""
    moved.syncd("plan", "--out", "plan.json")
    _, report = moved.json(*words, "--hide-values", "--markdown", "result.md")
    assert report["targets"]
    text = (moved.folder / "result.md").read_text()
    assert text.startswith("### syncd: ")
    assert not [value for value in VALUES if value in text]
    said = moved.syncd("plan", "--markdown", "none/result.md")
    assert "--markdown none/result.md: cannot be written (No such file or directory); name another file" in said[2]
