"""The command line: one thin file per command; parses, calls, prints, picks the exit code."""

from syncd.cli.main import main

__all__ = ["main"]
