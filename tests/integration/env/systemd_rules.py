"""A reader of EnvironmentFile= written after systemd.exec(5) only, not after what syncd writes."""

from __future__ import annotations

import re
import unicodedata

# In the order of the manual: unquoted, single-quoted, double-quoted.
_UNQUOTED_UNIT = re.compile(r"\\\n|\\(.)|([^\n\\])", re.DOTALL)
_DOUBLE_UNIT = re.compile(r"\\\n|\\([\"\\`$])|([^\"])", re.DOTALL)
_SPACE = " \t\r"


def by_documented_rules(text: str) -> dict[str, str]:
    """Return the variables of a file, strictly: what the manual calls invalid is an AssertionError."""
    assert not any(ord(char) & 0xFFFE == 0xFFFE or "\ufdd0" <= char <= "\ufdef" or char in "\0\ufeff" for char in text)
    assert not any(unicodedata.category(char) == "Cs" for char in text)
    found: dict[str, str] = {}
    rest = text
    while rest:
        line, _, after = rest.partition("\n")
        if not line.strip(_SPACE) or line[0] in "#;" or "=" not in line:
            rest = after
            continue
        name, _, rest = rest.partition("=")
        found[name], rest = _value(rest.lstrip(_SPACE))
    return found


def _value(rest: str) -> tuple[str, str]:
    if rest.startswith("'"):
        value, _, rest = rest[1:].partition("'")
    elif rest.startswith('"'):
        value, rest = _units(rest[1:], _DOUBLE_UNIT)
        assert rest.startswith('"')
        rest = rest[1:]
    else:
        value, rest = _units(rest, _UNQUOTED_UNIT)
        value = value.rstrip(_SPACE)
    ignored, _, rest = rest.partition("\n")
    assert not ignored.strip(_SPACE)
    return value, rest


def _units(rest: str, unit: re.Pattern[str]) -> tuple[str, str]:
    value, at = "", 0
    while match := unit.match(rest, at):
        value += match.group(1) or match.group(2) or ""
        at = match.end()
    return value, rest[at:]
