r"""The shell dialect: a file that any POSIX shell sources with `. file`.

The reader: in single quotes all is literal, line breaks too; a single quote itself is written `'\''`. Bare text is
split, expanded and globbed, so only characters without any meaning stay bare (`~` has one, after `=` and `:`).
"""

import re

_BARE = re.compile(r"[A-Za-z0-9_@%+=:,./-]*")

SPECIAL = re.compile(
    "BASHOPTS|BASHPID|BASH_(ALIASES|ARGC|ARGV|ARGV0|CMDS|LINENO|SOURCE|SUBSHELL|VERSINFO)|COMP_WORDBREAKS|DIRSTACK"
    "|EPOCHREALTIME|EPOCHSECONDS|EUID|FUNCNAME|GROUPS|HISTCMD|LINENO|OPTIND|PIPESTATUS|PPID|RANDOM|SECONDS|SHELLOPTS"
    "|SHLVL|SRANDOM|UID|_"
)
"""Names that bash or dash refuse, ignore, recount, or (RANDOM) evaluate as arithmetic, which can run commands."""


def quoted(value: str) -> str:
    """Return `value` bare where it has no special character, else in single quotes."""
    if _BARE.fullmatch(value):
        return value
    return "'" + value.replace("'", r"'\''") + "'"
