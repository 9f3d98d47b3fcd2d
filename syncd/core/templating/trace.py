"""One rendering, looked at: every read with the lines that do it, and what made each line of the output."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any, NamedTuple

from jinja2 import nodes

from syncd.core.snapshot import HiddenKey, View
from syncd.core.templating.environment import TemplateEnvironment
from syncd.core.templating.errors import place_in
from syncd.core.templating.functions import Functions, Read

_OF_A_LOOP = re.compile(r"l_[1-9]\d*_")
"""How Jinja2 calls a variable of a loop in the code that it makes; those outside of loops are `l_0_…`."""


class OutputLine(NamedTuple):
    """A line of the output: which line of the template wrote it, its text, and at which texts the loops stood then."""

    line: int
    text: str
    at: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Trace:
    """What one rendering read; it may have ended early. `missing` are keys without a value and without a default.

    `lines` holds each line of the output, in order; empty where there is none.
    `hidden` says why a key may not be read, and `hidden_key` which.
    """

    reads: tuple[Read, ...]
    missing: frozenset[str]
    lines: tuple[OutputLine, ...] = ()
    hidden_key: str | None = None
    hidden: str = ""


def traced(environment: TemplateEnvironment, functions: Functions, path: str, view: View) -> Trace:
    """Return the trace of a template's rendering through a view; raises nothing."""
    reads: list[Read] = []
    environment.begin()
    functions.begin(view)
    functions.told = reads.append
    lines: list[OutputLine] = []
    hidden_key, hidden = None, ""
    try:
        lines = _lines(environment, path)
    except HiddenKey as signal:
        hidden_key, hidden = signal.key, signal.why
    except Exception:  # noqa: S110 - why there is no output is said by the rendering itself
        pass
    finally:
        functions.told = None
    missing = frozenset(functions.missing)
    return Trace(tuple(reads), missing, () if missing else tuple(lines), hidden_key, hidden)


def sources_of_lines(environment: TemplateEnvironment, path: str) -> Callable[[int], frozenset[int]]:
    """Return what tells, for a line of a template, the lines that its values are made on: itself, `set`, `for`."""
    text = environment.text(path) or ""
    used: dict[int, set[str]] = {}
    made: dict[str, set[int]] = {}
    tree = environment.parse(text, path)
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load":
            used.setdefault(name.lineno, set()).add(name.name)
    for one in tree.find_all((nodes.Assign, nodes.AssignBlock, nodes.For)):
        for name_made in _stored(one):
            made.setdefault(name_made, set()).add(one.lineno)

    def lines(line: int) -> frozenset[int]:
        found, pending = {line}, [line]
        while pending:
            for name in used.get(pending.pop(), ()):
                fresh = made.get(name, set()) - found
                found |= fresh
                pending += fresh
        return frozenset(found)

    return lines


def _stored(node: nodes.Node) -> Iterator[str]:
    """Yield the names that a `set` or `for` gives values to; of a namespace its own name."""
    target = getattr(node, "target", None)
    if isinstance(target, nodes.Node):
        inside = target if isinstance(target, nodes.Tuple) else nodes.Tuple([target], "store")
        for one in inside.items:
            if isinstance(one, nodes.Name | nodes.NSRef):
                yield one.name


def _lines(environment: TemplateEnvironment, path: str) -> list[OutputLine]:
    """Render a template, and return each line of the output with what wrote it."""
    template = environment.get_template(path)
    texts = _Texts(environment, path)
    running: Any = template.root_render_func(template.new_context({}))
    lines: list[OutputLine] = []
    writer, written, at = None, "", frozenset[str]()
    for piece in map(str, running):
        frame = running.gi_frame
        first = place_in(template, frame.f_code, frame.f_lasti)[1]
        numbers = texts.lines_of(piece, first)
        for number, part in enumerate(piece.split("\n")):
            if number:
                lines.append(OutputLine(writer or first, written, at))
                writer, written, at = None, "", frozenset()
            if part.strip():
                at |= _loops_at(frame)
            if writer is None and part.strip():
                writer = first if numbers is None else numbers[number]
            written += part
    return lines if writer is None else [*lines, OutputLine(writer, written, at)]


def _loops_at(frame: FrameType) -> frozenset[str]:
    """Return the texts that the variables of the loops hold which are under way."""
    return frozenset(
        str(value) for name, value in frame.f_locals.items() if isinstance(value, str) and _OF_A_LOOP.match(name)
    )


class _Texts:
    """The texts of a template between its tags, as the output holds them; a comment divides none."""

    def __init__(self, environment: TemplateEnvironment, path: str) -> None:
        self._found: list[list[tuple[int, str]]] = []
        divided = True
        for line, kind, text in environment.lex(environment.text(path) or ""):
            if kind == "data":
                if divided:
                    self._found.append([])
                self._found[-1].append((line, text))
                divided = False
            elif not kind.startswith("comment"):
                divided = True

    def lines_of(self, piece: str, first: int) -> list[int] | None:
        """Return the line of each line of a piece of the output, at or below `first`; None where it is a value."""
        for parts in self._found:
            if parts[0][0] >= first and "".join(text for _, text in parts) == piece:
                return _numbers(parts)
        return None


def _numbers(parts: list[tuple[int, str]]) -> list[int]:
    """Return, for each line of a text in several parts, the line of its first character that is not blank."""
    numbers, blank = [parts[0][0]], True
    for first, text in parts:
        for number, piece in enumerate(text.split("\n")):
            if number:
                numbers.append(first + number)
                blank = True
            if blank and piece.strip():
                numbers[-1], blank = first + number, False
    return numbers
