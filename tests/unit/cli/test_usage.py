"""The command line's own errors: our words, what to do, and 64."""

from __future__ import annotations

import sys

import pytest

from syncd.cli.main import main

WRONG = {
    "nope": "there is no command 'nope'",
    "plan --nope": "there is no option --nope",
    "plan --forma json": "there is no option --forma; did you mean --format, --log-format?",
    "apply": "FILE is missing; name it",
    "plan --format": "option --format has no value; write one behind it",
    "plan --detailed-exitcode=3": "option --detailed-exitcode takes no value; leave it out",
    "plan more": "there is more than the command takes: more; leave it out",
    "plan --format xml": "option --format: 'xml' is none of 'text', 'json', 'markdown'",
    "dev --port abc": "option --port: this is no whole number; write one such as 5",
    "dev --port 70000": "option --port: the number is above 65535; write 65535 or less",
    "history --limit -1": "option --limit: the number is below 0; write 0 or more",
}
NOWHERE = ("notaurl", "ftp://x", "http://127.0.0.1:99999", "http://[::1", "http://")


def said(words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Run the program, which must end with 64, and return its one line."""
    monkeypatch.setattr(sys, "argv", ["syncd", *words.split()])
    assert main() == 64
    found = capsys.readouterr().err
    assert found.count("\n") == 1
    return found


@pytest.mark.parametrize("words", WRONG)
def test_the_parser_speaks_our_words(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong with the command line, and what to do; nothing of the library's."""
    assert said(words, monkeypatch, capsys) == f"syncd: {WRONG[words]} (see `syncd --help`)\n"


@pytest.mark.parametrize("url", NOWHERE)
def test_a_url_that_is_none(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It is no daemon that does not answer."""
    assert "is not a URL; write one such as" in said(f"status --url {url}", monkeypatch, capsys)
