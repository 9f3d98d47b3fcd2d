"""The docker dialect: `docker run --env-file`, which takes all after the `=` as it is.

The reader: one variable per line, no quotes, no escapes, no comments after a value. Go's line scanner drops a carriage
return before the line break and refuses a line of 64 KiB.
"""

from syncd.core.dotenv.faults import CannotHold

_LINE_MAX_BYTES = 65_535


def quoted(value: str) -> str:
    """Return `value` itself.

    Raises:
        CannotHold: it has a line break, or a carriage return at its end.
    """
    if "\n" in value:
        raise CannotHold("the docker dialect cannot hold a line break")
    if value.endswith("\r"):
        raise CannotHold("the docker dialect cannot hold a carriage return at the end")
    return value


def check_length(line: str) -> None:
    """Raise CannotHold where `line` is longer than the reader takes."""
    if len(line.encode()) > _LINE_MAX_BYTES:
        raise CannotHold(f"the docker dialect cannot hold a line of more than {_LINE_MAX_BYTES:,} bytes")
