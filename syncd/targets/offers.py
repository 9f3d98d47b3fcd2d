"""What a remote target may offer beside reading and applying."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from syncd.core.allowance import Daily
from syncd.core.model import Entry

VERIFIED_AT_ONCE = 100
"""Entries that a target is asked to read back in one go."""


@runtime_checkable
class Verifies(Protocol):
    """Reads back what it wrote: a digest beside a value says what was written, not what is there."""

    name: str

    @property
    def verify_interval_s(self) -> float | None:
        """How often each entry is read back, None for never."""
        ...

    async def wrong(self, wanted: Sequence[Entry]) -> Mapping[str, str]:
        """Return those of up to 100 entries that hold something else, with the digest of that; "" for nothing.

        From then on `read` finds that digest too, until the entry was written again. Calls that this takes give way to
        all others.

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
