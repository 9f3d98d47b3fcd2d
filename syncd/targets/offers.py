"""What a remote target may offer beside reading and applying."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from syncd.core.allowance import Daily
from syncd.core.model import Entry

VERIFIED_AT_ONCE = 100
"""Entries that a target is asked to read back in one go."""


@dataclass(frozen=True, slots=True)
class ReadBack:
    """The keys of the entries that were compared; of those that hold something else the digest of that, "" for nothing.

    What could not be compared now is in neither: it is asked for again.
    """

    compared: frozenset[str]
    wrong: Mapping[str, str]


@runtime_checkable
class Verifies(Protocol):
    """Reads back what it wrote: a digest beside a value says what was written, not what is there."""

    name: str

    @property
    def verify_interval_s(self) -> float | None:
        """How often each entry is read back, None for never."""
        ...

    async def read_back(self, wanted: Sequence[Entry]) -> ReadBack:
        """Compare up to 100 entries with what is there.

        From then on `read` finds the digests of the wrong ones too, until they were written again. Calls that this
        takes give way to all others.

        Raises:
            TargetError: they could not be read.
        """
        ...


@runtime_checkable
class Metered(Protocol):
    """Is behind an API that counts what is asked of it."""

    def daily(self, entries: int, reconcile_s: float) -> Iterable[Daily]:
        """Return what its schedules ask in a day, where it holds so many entries and is read in full so often."""
        ...
