r"""The systemd dialect: `EnvironmentFile=` of a unit, read as systemd.exec(5) says.

The reader: a bare value loses white space at both ends and a backslash escapes; quotes count only at its start. In
double quotes only `\"`, `\\`, `\$`, `` \` `` and a backslash before a line break are escapes. Nothing is expanded.
Written are double quotes only: older releases read single quotes differently.
"""

import re

from syncd.core.dotenv.faults import CannotHold

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "$": r"\$", "`": r"\`"})
# Noncharacters and U+FEFF: systemd refuses the whole file for one of them.
_PLANE_ENDS = "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
_REFUSED = re.compile(f"[\ufdd0-\ufdef\ufeff{_PLANE_ENDS}]")


def quoted(value: str) -> str:
    """Return `value` bare where that is safe, else in double quotes.

    Raises:
        CannotHold: it has a character that systemd refuses.
    """
    found = _REFUSED.search(value)
    if found:
        raise CannotHold(f"the systemd dialect cannot hold the character U+{ord(found.group()):04X}")
    if value == value.strip() and not value.startswith(("'", '"')) and not any(mark in value for mark in "\\\n\r"):
        return value
    return f'"{value.translate(_ESCAPES)}"'
