"""Whether two reasons say the same thing. Pure."""

import re

_NUMBER = re.compile(r"\d+")


def same_reason(one: str | None, other: str | None) -> bool:
    """Return whether two reasons differ in numbers at most: one that counts seconds or names a pid is no news."""
    return one is other or (one is not None and other is not None and bare(one) == bare(other))


def bare(reason: str) -> str:
    """Return a reason with every number replaced by `#`."""
    return _NUMBER.sub("#", reason)
