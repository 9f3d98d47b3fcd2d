"""Opens the source that the daemon follows: Consul with watches, or an exported file that may be replaced."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from syncd.consul import lock
from syncd.core.changes import Changed
from syncd.core.snapshot import Snapshot
from syncd.core.status import SourceStatus
from syncd.engine.setup import Setup
from syncd.engine.sources import consul_settings
from syncd.sources.base import Source

CONNECTIONS = 20
"""The budget of one daemon; Consul allows 200 for each address."""


class LiveSource(Source, Protocol):
    """A source that follows what changes."""

    @property
    def snapshot(self) -> Snapshot:
        """The newest snapshot."""
        ...

    async def refresh(self) -> None:
        """Read everything anew."""
        ...


class RunningSource(LiveSource, Protocol):
    """A source that the daemon runs."""

    @property
    def status(self) -> SourceStatus:
        """How the source is now."""
        ...

    async def run(self) -> None:
        """Follow what changes until cancelled."""
        ...


def open_live(setup: Setup, source_file: Path | None, on_change: Callable[[Changed], None]) -> RunningSource:
    """Return the source; nothing is connected yet. Raises as `open_source`."""
    if source_file is not None:
        from syncd.sources.followed import FollowedFile

        return FollowedFile(source_file, setup.config.consul.prefix, setup.rules, on_change)
    from syncd.sources.live import LiveSource as LiveConsul

    config = setup.config.consul
    budget = CONNECTIONS - (lock.CONNECTIONS if config.lock_key else 0)
    return LiveConsul(consul_settings(setup), setup.rules, wait_s=config.wait, budget=budget, on_change=on_change)
