"""Why a template cannot be rendered, in our own words: file, line and reason, never a value.

What Jinja2 and Python raise may quote values, so no text of theirs is passed on. A name (of a key, a variable) may be a
value too, in `{{ map[secret] }}`: it is shown only where the caller of `describe` says that it may be.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from types import CodeType, TracebackType
from typing import Any

from jinja2 import TemplateNotFound, TemplateSyntaxError
from jinja2.exceptions import SecurityError, TemplateRuntimeError, TemplatesNotFound

from syncd.core.errors import Fault, SyncdError

Shown = Callable[[str], bool]
"""Says whether a name may be shown: it stands in a template, or nothing sensitive can be part of it."""

_LONGEST = 300
_UNKNOWN = re.compile(r"No (filter|test) named '(.+)'")
_UNDEFINED_HINTS = {
    "No first item, sequence was empty.": "an empty list has no first item",
    "No last item, sequence was empty.": "an empty list has no last item",
    "No aggregated item, sequence was empty.": "an empty list has no smallest or largest item",
}
_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (ZeroDivisionError, "divides by zero"),
    (RecursionError, "calls or nests too deeply"),
    (MemoryError, "needs too much memory"),
    (OverflowError, "makes a number or a range that is too large"),
    (SecurityError, "uses something that a template may not use"),
    (TypeError, "uses a value of the wrong type, or a function with the wrong arguments"),
    (LookupError, "looks something up that is not there"),
    (AttributeError, "uses an attribute that is not there"),
    (UnicodeError, "makes text that is not Unicode"),
    (ValueError, "uses a value that is not what is needed there"),
)


class TemplateFault(SyncdError):
    """A template cannot be rendered: `FILE:LINE: reason`, one line; `line` is 0 where it is not known."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        self.file = file
        self.line = line
        self.reason = one_line(reason)
        super().__init__(f"{file}:{line}: {self.reason}" if line else f"{file}: {self.reason}")

    def fault(self) -> Fault:
        """Return the same as a fault of the configuration; Jinja2 knows no columns."""
        return Fault(self.file, self.line, 1, "", self.reason)


class Refusal(Exception):
    """Our own code refuses to go on; `words` has `{}` in the place of `name`, where there is one."""

    def __init__(self, words: str, name: str | None = None) -> None:
        self.words = words
        self.name = name
        super().__init__("refused")

    def told(self, shown: Shown) -> str:
        """Return the words, with the name in quotes where it may be shown."""
        if self.name is None:
            return self.words
        return self.words.replace("{}", f"'{self.name}'" if shown(self.name) else "(computed)", 1)


class Failed(Refusal):
    """The template itself called `fail(message)`; its message may hold values."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__("fail() was called; its message is not shown because a sensitive value was read before")


class Halt(Exception):
    """What comes next depends on a value that is not known: rendering ends here, with what was found so far."""


class NotThere(TemplateNotFound):
    """A template to include is not there; `written` is its name as a template may have it."""

    def __init__(self, path: str, written: str) -> None:
        super().__init__(path)
        self.written = written


def describe(error: BaseException, shown: Shown) -> str:
    """Return why rendering failed, in our own words.

    Args:
        shown: which names may be shown; what a template author wrote may.
    """
    if isinstance(error, Refusal):
        return error.told(shown)
    if isinstance(error, TemplateSyntaxError):
        return f"syntax: {error.message}"  # parsing has seen the template only, no value
    if isinstance(error, TemplatesNotFound):
        return "none of the templates to choose from is there"
    if isinstance(error, NotThere):
        return Refusal("template {} is not there", str(error.name)).told(lambda _: shown(error.written))
    if isinstance(error, TemplateRuntimeError) and not isinstance(error, SecurityError):
        unknown = _UNKNOWN.match(str(error))
        if unknown:
            return Refusal(f"there is no {unknown.group(1)} {{}}", unknown.group(2)).told(shown)
        return "does something that Jinja2 does not allow here"
    return next((words for kind, words in _WORDS if isinstance(error, kind)), f"fails with {type(error).__name__}")


def undefined(hint: str | None, of: str | None, name: object, *, unsafe: bool) -> Refusal:
    """Return the refusal for using what is not defined.

    Args:
        hint: what Jinja2 says about it, if anything.
        of: what was looked into, such as `a map`; None for a variable.
        name: the name that was looked up, or an index.
    """
    if hint in _UNDEFINED_HINTS:
        return Refusal(_UNDEFINED_HINTS[hint])
    if not isinstance(name, str):
        return Refusal("something is not defined" if of is None else f"{of} has no such element")
    if unsafe:
        return Refusal(f"{of} has {{}}, which a template may not use", name)
    return Refusal("{} is not defined" if of is None else f"{of} has no {{}}", name)


def locate(trace: TracebackType | None) -> tuple[str, int] | None:
    """Return the template and line of the innermost template code in a traceback, None where there is none."""
    found = None
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            found = place_in(template, trace.tb_frame.f_code, trace.tb_lasti)
        trace = trace.tb_next
    return found


def here() -> tuple[str, int] | None:
    """Return the template and line that is running now, None outside of one."""
    return next(_running(), None)


def places() -> tuple[tuple[str, int], ...]:
    """Return every template and line that is running now: the innermost first, then what included or called it."""
    return tuple(dict.fromkeys(_running()))


def _running() -> Iterator[tuple[str, int]]:
    frame = inspect.currentframe()
    while frame is not None:
        template = frame.f_globals.get("__jinja_template__")
        if template is not None:
            yield place_in(template, frame.f_code, frame.f_lasti)
        frame = frame.f_back


def place_in(template: Any, code: CodeType, offset: int) -> tuple[str, int]:
    """Return the template and line of an instruction of its code; some, such as those of generators, have none."""
    last = 0
    for start, _, line in code.co_lines():
        if start > offset:
            break
        last = line or last
    return str(template.name), int(template.get_corresponding_lineno(last))


def one_line(text: str) -> str:
    """Return a message as one line that is not too long."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
