"""Globs over keys: `*` stays inside one path segment, `**` crosses `/`. Pure."""

import re
from collections.abc import Iterator
from functools import lru_cache


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """Return the regular expression that a glob stands for; every character but `*` is literal."""
    parts = re.split(r"(\*\*|\*)", pattern)
    words = {"**": ".*", "*": "[^/]*"}
    return re.compile("".join(words.get(part, re.escape(part)) for part in parts) + r"\Z", re.DOTALL)


def is_glob(pattern: str) -> bool:
    """Return True where `pattern` is a glob and not an exact key."""
    return "*" in pattern


def matches(pattern: str, key: str) -> bool:
    """Return True where `key` matches `pattern` as a whole."""
    return compiled(pattern).match(key) is not None


def fixed_folder(pattern: str) -> str:
    """Return the part of a glob up to its last fixed `/`: `config/domains/*` gives `config/domains/`."""
    return pattern[: pattern.partition("*")[0].rfind("/") + 1]


def parent_folder(key: str) -> str:
    """Return the folder that a key is directly in, ending in `/`, or "" at the top."""
    return key[: key.rfind("/") + 1]


def folders_above(key: str) -> Iterator[str]:
    """Yield every folder that holds a key, the nearest first, "" (the top) last."""
    folder = parent_folder(key)
    while folder:
        yield folder
        folder = parent_folder(folder[:-1])
    yield ""
