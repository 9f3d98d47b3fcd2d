"""Reading a source file as text, with faults that name the place."""

from pathlib import Path

from syncd.core.errors import ConfigError, Fault


def read_text(path: Path) -> str:
    """Return a file's text.

    Raises:
        ConfigError: it cannot be read, or is not UTF-8.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise ConfigError([Fault(str(path), 0, 0, "", f"cannot be read: {why}")]) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise ConfigError([Fault(str(path), line, column, "", "is not UTF-8; save it as UTF-8")]) from error
