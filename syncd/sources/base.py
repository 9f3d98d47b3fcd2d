"""What every source offers."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from syncd.core.model import Need, Presence
from syncd.core.snapshot import Snapshot

__all__ = ["Presence", "Source"]


class Source(Protocol):
    """Where configuration comes from."""

    async def read(self, needs: frozenset[Need], known: Snapshot | None = None) -> Snapshot:
        """Return a snapshot that covers `needs`.

        Exact keys that a folder read did not show are asked for one by one, so that a key in neither `items` nor
        `hidden` is proved to be missing.

        Args:
            known: a snapshot of the same pass; what it covers is not read again but carried over.

        Raises:
            SourceUnavailable: no answer in time, or not Consul's.
            SourceDenied: the token is refused as a whole.
        """
        ...

    async def confirm(self, keys: Sequence[str]) -> Mapping[str, Presence]:
        """Return what a single consistent read says of each key (relative to the prefix, overlay folder included)."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...
