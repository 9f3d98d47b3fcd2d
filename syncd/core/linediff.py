"""Unified diffs that compare what is and show what may be shown. Pure."""

from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

_CONTEXT_LINES = 3
_MOST_STEPS = 5_000_000
"""What `_steps` may say of lines that are compared in full: some 0.2 s of work at worst."""
_Opcode = tuple[str, int, int, int, int]


def masked_diff(names: tuple[str, str], old: tuple[bytes, str], new: tuple[bytes, str]) -> str:
    """Return the unified diff of two texts, "" where their lines are equal.

    Args:
        names: how the old and the new file are called.
        old, new: the real content, and the text that may be shown of it. Lines are compared by their content where
            both have as many lines as their content, so that a changed secret shows as a changed line; else by what
            is shown.
    """
    shown = (_lines(old[1]), _lines(new[1]))
    real = (_real(old[0]), _real(new[0]))
    compared: tuple[Sequence[object], Sequence[object]] = shown
    if all(len(one) == len(other) for one, other in zip(shown, real, strict=True)):
        compared = real
    parts = []
    for group in _groups(*compared):
        first, last = group[0], group[-1]
        parts.append(f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@\n")
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                parts += [_line(" ", text) for text in shown[1][j1:j2]]
            else:
                parts += [_line("-", text) for text in shown[0][i1:i2]] + [_line("+", text) for text in shown[1][j1:j2]]
    return "".join([f"--- {names[0]}\n+++ {names[1]}\n", *parts]) if parts else ""


def _groups(old: Sequence[object], new: Sequence[object]) -> list[list[_Opcode]]:
    """Return difflib's grouped opcodes: of all lines, where that takes too long of those that differ, else one block.

    Linear in the lines, but for what `_MOST_STEPS` allows.
    """
    if _steps(old, new) <= _MOST_STEPS:
        return _matched(old, new, 0)
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    before, after = min(head, _CONTEXT_LINES), min(tail, _CONTEXT_LINES)
    start, old_end, new_end = head - before, len(old) - tail, len(new) - tail
    cut = old[start : old_end + after], new[start : new_end + after]
    if _steps(*cut) <= _MOST_STEPS:
        return _matched(*cut, start)
    return [
        [
            ("equal", start, head, start, head),
            ("replace", head, old_end, head, new_end),
            ("equal", old_end, old_end + after, new_end, new_end + after),
        ]
    ]


def _steps(old: Sequence[object], new: Sequence[object]) -> int:
    """Return what difflib may need: for each block that it finds it goes through all pairs of equal lines."""
    ours, theirs = Counter(old), Counter(new)
    equal = sum(count * theirs[line] for line, count in ours.items())
    return (len(old) + equal) * min(len(old), len(new))


def _matched(old: Sequence[object], new: Sequence[object], start: int) -> list[list[_Opcode]]:
    """Return difflib's grouped opcodes of lines that begin at `start` in both."""
    groups = SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_CONTEXT_LINES)
    return [
        [(tag, start + i1, start + i2, start + j1, start + j2) for tag, i1, i2, j1, j2 in group] for group in groups
    ]


def _lines(text: str) -> list[str]:
    """Return the lines with their newline; only `\\n` ends one."""
    found = text.split("\n")
    return [line + "\n" for line in found[:-1]] + ([found[-1]] if found[-1] else [])


def _real(content: bytes) -> list[bytes]:
    found = content.split(b"\n")
    return [line + b"\n" for line in found[:-1]] + ([found[-1]] if found[-1] else [])


def _line(sign: str, text: str) -> str:
    return sign + text if text.endswith("\n") else f"{sign}{text}\n\\ No newline at end of file\n"


def _range(start: int, end: int) -> str:
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start if not length else start + 1},{length}"
