"""Diffs that compare what is and show what may be shown."""

import difflib

from hypothesis import given
from hypothesis import strategies as st

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


def _lines(text: str) -> list[str]:
    found = text.split("\n")
    return [line + "\n" for line in found[:-1]] + ([found[-1]] if found[-1] else [])
