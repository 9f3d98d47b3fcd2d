"""The program, as `syncd` and as `python -m syncd`. It can be stopped before the rest of it is loaded."""

import os
import signal
import sys
from types import FrameType

BEFORE_THE_COMMAND = ("-c", "--config", "--log-format", "--log-level")
"""The options of all commands that take a value."""
_ENDLESS = ("run", "dev")


def main() -> int:
    """Run the program on `sys.argv` and return its exit code."""
    for number in (signal.SIGTERM, signal.SIGINT):
        # The first process of a container ignores a signal that it has no handler for, and loading takes a while.
        signal.signal(number, _stop)
    from syncd.cli.main import main as program

    return program()


def _stop(number: int, _frame: FrameType | None) -> None:
    """End at once: until a command handles signals by itself, it has nothing to finish or to undo."""
    os._exit(0 if command(sys.argv[1:]) in _ENDLESS else 128 + number)


def command(words: list[str]) -> str | None:
    """Return the command that a command line names; None where it names none."""
    rest = iter(words)
    for word in rest:
        if word in BEFORE_THE_COMMAND:
            next(rest, None)
        elif not word.startswith("-"):
            return word
    return None


if __name__ == "__main__":
    sys.exit(main())
