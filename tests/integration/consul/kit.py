"""What the tests of the source share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from syncd.consul.settings import Settings
from syncd.core.model import Need
from syncd.core.snapshot import Rules, Snapshot
from syncd.sources.consul import ConsulSource
from tests.support.consul import ConsulServer


def keys(*names: str) -> frozenset[Need]:
    """Return needs of exact keys."""
    return frozenset(Need("key", name) for name in names)


def folders(*names: str) -> frozenset[Need]:
    """Return needs of folders."""
    return frozenset(Need("folder", name) for name in names)


@asynccontextmanager
async def opened(
    server: ConsulServer | str,
    prefix: str = "",
    *,
    environment: str | None = None,
    timeout_s: float = 10,
    **more: object,
) -> AsyncIterator[ConsulSource]:
    """Give a source on a server or an address; `more` are other settings."""
    address = server if isinstance(server, str) else server.url
    settings = Settings(address=address, prefix=prefix, **more)  # type: ignore[arg-type]
    source = ConsulSource(settings, Rules(environment), timeout_s=timeout_s)
    try:
        yield source
    finally:
        await source.close()


def values(snapshot: Snapshot) -> dict[str, bytes]:
    """Return what a snapshot holds, by the key that really holds it."""
    return {item.source_key: item.value for item in snapshot.items.values()}
