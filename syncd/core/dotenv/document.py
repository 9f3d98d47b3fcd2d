"""An env file as a whole: its header, its lines, and what of it may be shown. Pure."""

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from syncd.core.dotenv import Dialect
from syncd.core.dotenv.scan import Statement, statements

MASK = "«sensitive»"

_OWNER = re.compile(r"# Managed by syncd \(owner: (.+), target: .*\)\. Do not edit: changes are overwritten\.")
_SENSITIVE = re.compile(r"# Sensitive: ([A-Za-z0-9_]+(?:, [A-Za-z0-9_]+)*),?\n?")


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of the file; `line` is its assignment as `encode` gives it."""

    name: str
    line: str
    sensitive: bool = False


def render(owner: str, target: str, variables: Sequence[Variable], *, mask: bool = False) -> str:
    """Return the file's text: the header, then the variables in the order given.

    The header names the owner and, so that a later diff knows, the variables that are sensitive now.

    Args:
        mask: write sensitive variables as `NAME=«sensitive»`.
    """
    lines = (f"{one.name}={MASK}" if mask and one.sensitive else one.line for one in variables)
    return "\n".join([*_header(owner, target, variables), *lines]) + "\n"


def owner_of(text: str) -> str | None:
    """Return the owner id in the header of an env file, None where it has no header of syncd."""
    found = _OWNER.fullmatch(text.partition("\n")[0])
    return found and found.group(1)


def mask_present(dialect: Dialect, present: str, wanted: str, *, ours: bool) -> str | None:
    """Return the text of the file that is there, with every value masked that may be sensitive.

    Args:
        present: the file's text now.
        wanted: its text as `render` gives it.
        ours: whether the present file's header names us.

    Shown are the lines that `wanted` has as well. Of the others, in a file of ours: those of variables that are not
    sensitive in either file; those of variables that `wanted` does not know only where neither has a sensitive one.

    Returns:
        The masked text; None where the file cannot be told apart into variables: do not show it.
    """
    there, then = statements(dialect, present), statements(dialect, wanted)
    if there is None or then is None:
        return None
    sensitive = _sensitive_names(then) | (_sensitive_names(there) if ours else set())
    same = {one.text for one in then if one.name not in sensitive}
    plain = {one.name for one in then if one.name} - sensitive

    def show(one: Statement) -> str:
        if one.text in same or not one.text.strip():
            return one.text
        if ours and (one.name in plain or not sensitive or _is_header(one)):
            return one.text
        return f"{one.name}={MASK}\n" if one.name else f"# {MASK}\n"

    return "".join(map(show, there))


def _header(owner: str, target: str, variables: Iterable[Variable]) -> list[str]:
    names = ", ".join(one.name for one in variables if one.sensitive)
    return [
        f"# Managed by syncd (owner: {owner}, target: {target}). Do not edit: changes are overwritten.",
        *(f"# Sensitive: {part}" for part in textwrap.wrap(names, 100, break_long_words=False)),
    ]


def _is_header(one: Statement) -> bool:
    return _SENSITIVE.fullmatch(one.text) is not None or owner_of(one.text) is not None


def _sensitive_names(found: Iterable[Statement]) -> set[str | None]:
    lists = (_SENSITIVE.fullmatch(one.text) for one in found if one.name is None)
    return {name for match in lists if match for name in match.group(1).split(", ")}
