"""An exported file as a source that is read again when it changes."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from watchfiles import awatch

from syncd.core.changes import Changed, between
from syncd.core.errors import ConfigError
from syncd.core.model import Need, Presence
from syncd.core.snapshot import Rules, Snapshot
from syncd.core.status import SourceStatus
from syncd.sources.export import ExportSource


class FollowedFile:
    """A file as a source; `on_change` is told what changed, after `snapshot` has it."""

    def __init__(self, path: Path, prefix: str, rules: Rules, on_change: Callable[[Changed], None]) -> None:
        self._path = path.resolve()
        self._source = ExportSource(path, prefix, rules)
        self._on_change = on_change
        self._needs: frozenset[Need] = frozenset()
        self.snapshot = Snapshot()
        self.status = SourceStatus()

    async def read(self, needs: frozenset[Need], known: Snapshot | None = None) -> Snapshot:
        """Return the newest snapshot, which covers `needs` from now on; see `Source.read`."""
        if not needs <= self._needs:
            await self._read(self._needs | needs)
            self._needs = self._needs | needs
        return self.snapshot

    async def confirm(self, keys: Sequence[str]) -> Mapping[str, Presence]:
        """Return what the file says of each key; see `Source.confirm`."""
        return await self._source.confirm(keys)

    async def refresh(self) -> None:
        """Read the file anew.

        Raises:
            ConfigError: it cannot be read or holds faults; the snapshot stays.
        """
        await self._read(self._needs)

    async def _read(self, needs: frozenset[Need]) -> None:
        try:
            snapshot = await self._source.read(needs)
        except ConfigError as error:
            self.status = replace(self.status, state="stale", error=str(error), errors=self.status.errors + 1)
            raise
        old, self.snapshot = self.snapshot, snapshot
        self.status = SourceStatus("ok", 0, time.time(), errors=self.status.errors)
        changed = between(old, snapshot)
        if changed:
            self._on_change(changed)

    async def run(self) -> None:
        """Follow the file until cancelled; its folder is watched, since a new file may replace it."""
        async for changes in awatch(self._path.parent, step=50, debounce=400, recursive=False, yield_on_timeout=True):
            if not changes and self.status.state == "ok":
                self.status = replace(self.status, last_contact_at=time.time())
            elif not changes or any(Path(path) == self._path for _, path in changes):
                try:
                    await self.refresh()
                except ConfigError:
                    continue

    async def close(self) -> None:
        """Nothing is open."""
