"""docs/errors.md: every error that syncd can print stands there, and none that it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.messages import Message, covers, messages, normal
from tests.docs.reader import ROOT
from tests.docs.tables import Row, rows

PAGE = ROOT / "docs" / "errors.md"
ROWS = [row for row in rows(PAGE) if row.head[0] == "message"]
SHOWN = [normal(code) for row in ROWS for cell in range(len(row.cells)) for code in row.codes(cell)]
SAID = list(messages(ROOT / "syncd"))
NO_ERRORS = {
    normal(line) for line in (Path(__file__).parent / "no_errors.txt").read_text().splitlines() if line[:1] != "#"
}
WHAT_TO_DO = """
docs/errors.md does not have {count} of the messages that syncd can print. For each of them add to the table of its area
    | `the message as it is printed, … for what varies` | its cause | what to do |
or name the part (such as a reason that is filled in) as `code` in the row of the message that it is part of.
What is printed, and is no error, goes into tests/docs/no_errors.txt, one a line; a file that prints nothing but results
goes into DISPLAY in tests/docs/messages.py.

{messages}
"""


def test_every_message_is_in_the_catalogue() -> None:
    """Each sentence of the source is part of a message of the page, or is known to be no error."""
    missing = [one for one in SAID if one.text not in NO_ERRORS and not any(covers(shown, one.text) for shown in SHOWN)]
    listed = "\n".join(f"{one.where}: {one.text}" for one in missing)
    assert not missing, WHAT_TO_DO.format(count=len(missing), messages=listed)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"line {row.line}")
def test_every_row_is_of_use(row: Row) -> None:
    """It shows a message that the source can print, says why it comes, and what to do."""
    assert row.codes(0), "no message"
    for code in row.codes(0):
        assert any(covers(normal(code), one.text) for one in SAID), f"nothing in syncd/ says «{code}»: remove it"
    assert all(len(cell.split()) > 1 for cell in row.cells[1:]), "no cause, or nothing to do"


def test_what_is_no_error_is_still_said() -> None:
    """No line of no_errors.txt has outlived its sentence."""
    stale = NO_ERRORS - {one.text for one in SAID} - {""}
    assert not stale, f"tests/docs/no_errors.txt: nothing in syncd/ says {sorted(stale)}"


def test_a_new_message_is_noticed(tmp_path: Path) -> None:
    """Of each kind: raised, filled in, in a table of words, in two parts, raised by a folder that prints results."""
    (tmp_path / "cli").mkdir()
    (tmp_path / "a.py").write_text(
        '''"""No message at all."""
WORDS = {"x": "is never so"}
def a(b: "no message either"):
    """No message."""
    raise TargetError(f"{b}: cannot be" " had" + (f"; ask {b} for it" if b else ""))
'''
    )
    (tmp_path / "cli" / "b.py").write_text(
        'print("all is well")\nprint("no daemon answers", file=sys.stderr)\nraise UsageError("what is meant?")\n'
    )
    assert list(messages(tmp_path)) == [
        Message("syncd/a.py:2", "is never so"),
        Message("syncd/a.py:5", "ask … for it"),
        Message("syncd/a.py:5", "cannot be had"),
        Message("syncd/cli/b.py:2", "no daemon answers"),
        Message("syncd/cli/b.py:3", "what is meant?"),
    ]
    assert covers("out/x: cannot be had; ask the owner for it", "ask … for it")
    assert not covers("it cannot be hadron", "cannot be had")
