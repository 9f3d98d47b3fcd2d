"""Where each statement of an env file begins and ends, strictly: what is in doubt is not guessed. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from syncd.core.dotenv import Dialect

_NOTE = re.compile(r"[ \t]*(?:[#;][^\n]*(?<!\\))?(?=\n|\Z)")
_NAME = r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)="
_END = r"[ \t]*\r?(?=\n|\Z)"
_DOUBLE = r'"(?:\\.|[^"\\])*"'

# Stricter than the readers: what follows a closed quote on its line could be another variable.
_VALUES: Mapping[Dialect, str] = {
    "compose": rf"[ \t]*(?:(?:'(?:\\.|[^'\\])*'|{_DOUBLE})[ \t]*(?:\#[^\n]*)?|(?!['\"])[^\n]*)",
    "docker": r"[^\n]*",
    "shell": r"(?:[A-Za-z0-9_@%+=:,./-]|'[^']*'|\"(?:\\.|[^\"\\$`])*\"|\\.)*",
    "systemd": rf"[ \t]*(?:'[^']*'|{_DOUBLE}|(?!['\"])(?:\\.|[^\\\r\n])*)",
}
_ASSIGNMENTS = {dialect: re.compile(_NAME + value + _END, re.DOTALL) for dialect, value in _VALUES.items()}


@dataclass(frozen=True, slots=True)
class Statement:
    """One assignment, comment or empty line with its line break; `name` is None where nothing is assigned."""

    name: str | None
    text: str


def statements(dialect: Dialect, text: str) -> list[Statement] | None:
    """Return the statements of an env file in order; None where some line is neither assignment nor comment.

    An assignment takes all lines of a quoted value with it. Joined, the statements are `text` again.
    """
    found: list[Statement] = []
    at = 0
    while at < len(text):
        match = _ASSIGNMENTS[dialect].match(text, at) or _NOTE.match(text, at)
        if match is None:
            return None
        end = match.end() + 1
        found.append(Statement(match.group(1) if match.re.groups else None, text[at:end]))
        at = end
    return found
