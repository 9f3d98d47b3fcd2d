"""Diffs that compare what is and show what may be shown."""

import difflib
import re
from collections.abc import Sequence
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core import linediff
from syncd.core.linediff import masked_diff

_TEXT = st.lists(st.sampled_from(["a", "b", "", "c\u2028d"]), max_size=12).map("\n".join)


@given(_TEXT, _TEXT)
def test_without_masks_it_is_a_unified_diff(old: str, new: str) -> None:
    """It gives what difflib gives, but for lines that end in something else than a newline."""
    expected = [
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(*(_lines(text) for text in (old, new)), "f", "f")
    ]
    assert masked_diff(("f", "f"), (old.encode(), old), (new.encode(), new)) == "".join(expected)


def test_a_changed_secret_is_a_changed_line() -> None:
    """Both sides show the same mask, and still it is seen that the line changed."""
    diff = masked_diff(("f", "f"), (b"A=1\nS=old\n", "A=1\nS=«m»\n"), (b"A=1\nS=new\n", "A=1\nS=«m»\n"))
    assert diff.endswith(" A=1\n-S=«m»\n+S=«m»\n")


def test_a_large_change_is_one_block_and_takes_no_time() -> None:
    """Tens of thousands of equal lines would take difflib minutes; what is shown is still a whole diff."""
    old, new = "head\n" + "a\n" * 50_000 + "tail\n", "head\n" + "b\n" * 50_000 + "tail\n"
    diff = masked_diff(("f", "f"), (old.encode(), old), (new.encode(), new))
    assert diff.count("\n-a") == diff.count("\n+b") == 50_000
    assert diff.endswith("+b\n tail\n")


def applied(old: list[str], diff: str) -> str:
    """Return what a diff makes of lines, as `patch` would; every line that it keeps or removes must be there."""
    found: list[str] = []
    at = 0
    for line in _lines(diff)[2:]:
        hunk = re.match(r"@@ -(\d+)(?:,(\d+))? \+", line)
        if hunk:
            start = int(hunk[1]) - (hunk[2] != "0")
            found += old[at:start]
            at = start
        elif line[0] == "+":
            found.append(line[1:])
        else:
            assert old[at] == line[1:]
            found += [line[1:]] * (line[0] == " ")
            at += 1
    return "".join(found + old[at:])


@given(_TEXT, _TEXT, _TEXT, _TEXT, st.sampled_from([0, 200, 2_000]))
def test_what_is_cut_or_one_block_is_still_the_whole_change(
    head: str, old: str, new: str, tail: str, most: int
) -> None:
    """Whatever is compared in full: the diff makes the new text of the old one."""
    before, after = (f"{head}\n{one}\n{tail}\n" for one in (old, new))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linediff, "_MOST_STEPS", most)
        diff = masked_diff(("f", "f"), (before.encode(), before), (after.encode(), after))
    assert applied(_lines(before), diff) == after


class Compared(difflib.SequenceMatcher[object]):
    """difflib's, which notes how many lines it is given."""

    lines: ClassVar[list[tuple[int, int]]] = []

    def __init__(self, isjunk: None, a: Sequence[object], b: Sequence[object], autojunk: bool) -> None:
        self.lines.append((len(a), len(b)))
        super().__init__(isjunk, a, b, autojunk)


@pytest.mark.parametrize(
    ("old", "new", "given"),
    [
        (["a\n"] * 9_000 + ["x\n"] + ["a\n"] * 9_000, ["a\n"] * 9_000 + ["y\n"] + ["a\n"] * 9_000, (7, 7)),
        ([f"}}\nx{n}\n" for n in range(500)], [f"}}\ny{n}\n" for n in range(500)], None),
    ],
)
def test_repeated_lines_are_not_all_compared(
    old: list[str], new: list[str], given: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One change in many equal lines is compared with three around it; a closing brace in every second line not at all.

    difflib takes seconds for 9,000 equal lines, and for 1,000 lines where it finds a block in every second one.
    """
    monkeypatch.setattr(linediff, "SequenceMatcher", Compared)
    monkeypatch.setattr(Compared, "lines", [])
    before, after = "".join(old), "".join(new)
    diff = masked_diff(("f", "f"), (before.encode(), before), (after.encode(), after))
    assert Compared.lines == ([] if given is None else [given])
    assert applied(_lines(before), diff) == after


def _lines(text: str) -> list[str]:
    found = text.split("\n")
    return [line + "\n" for line in found[:-1]] + ([found[-1]] if found[-1] else [])
