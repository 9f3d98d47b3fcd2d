"""The errors that syncd raises on purpose; each says what failed, where, and what to do.

An adapter translates what its library raises into one of these at its edge (`raise ... from`), so that no other layer
knows the library's exceptions. None of them ever holds a sensitive value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from syncd.core.printable import printable


class SyncdError(Exception):
    """An expected failure: one line for the operator, and the exit code of contract.md §1."""

    exit_code: ClassVar[int] = 1


class UsageError(SyncdError):
    """The command line asks for something that cannot be done."""

    exit_code = 64


class SourceUnavailable(SyncdError):
    """The source did not answer in time, answered 5xx, or what answered is not Consul. Worth a retry."""

    exit_code = 69


class NotConsul(SourceUnavailable):
    """Something answered, and it is not Consul (no index, a redirect, HTML): never taken for an empty source."""


class SourceDenied(SyncdError):
    """The source refused the token, or hides every needed key from it."""

    exit_code = 77


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong in a file, printed as `FILE:LINE:COL: dotted.path: message`."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        said = f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"
        return printable(said).replace("\t", "\\t")  # a key may hold a newline, which would begin another fault


class ConfigError(SyncdError):
    """All faults of the configuration that one run found; `faults` holds one per line to print."""

    exit_code = 78

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__("\n".join(str(fault) for fault in self.faults))


class Refused(SyncdError):
    """A plan that is unsafe or held, or whose inputs moved: nothing was touched."""

    exit_code = 3


class StateError(SyncdError):
    """The state dir cannot be used: locked by another syncd, not writable, or written by a newer version."""


class TargetError(SyncdError):
    """A target could not be rendered, read or written; `retry_after_s` is the wait it asked for, if any."""

    def __init__(self, message: str, *, retry_after_s: float | None = None, final: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.final = final
        """True where trying again without another configuration cannot help (401, 403, 404)."""


class Fenced(TargetError):
    """This instance may not write the target now, another one does: nothing was sent since that is so."""


class LockHeld(SyncdError):
    """Another instance holds the lock on remote targets, and did not let go of it in time: nothing was changed."""


class SourceLacks(TargetError):
    """A target reads something that this kind of source does not hold, such as services in a key export."""


class ReloadError(SyncdError):
    """A check or a reload failed; the message ends with the last 20 lines of its output."""
