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


def test_a_large_change_is_one_block_and_takes_no_time() -> None:
    """Tens of thousands of equal lines would take difflib minutes; what is shown is still a whole diff."""
    old, new = "head\n" + "a\n" * 50_000 + "tail\n", "head\n" + "b\n" * 50_000 + "tail\n"
    diff = masked_diff(("f", "f"), (old.encode(), old), (new.encode(), new))
    assert diff.count("\n-a") == diff.count("\n+b") == 50_000
    assert diff.endswith("+b\n tail\n")


def _lines(text: str) -> list[str]:
    found = text.split("\n")
    return [line + "\n" for line in found[:-1]] + ([found[-1]] if found[-1] else [])
