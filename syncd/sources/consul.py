"""Consul as a source: planned, consistent reads of only what is needed."""

import asyncio
import time
from collections.abc import Mapping, Sequence

from syncd.consul.client import Client
from syncd.consul.guard import confirm
from syncd.consul.settings import Settings
from syncd.core.errors import SourceDenied
from syncd.core.model import Need, Presence
from syncd.core.snapshot import Rules, Snapshot
from syncd.sources.patience import patiently
from syncd.sources.reading import Reading

_NAMED = 5
_LAST_WORDS_S = 0.2


class ConsulSource:
    """Reads snapshots from one Consul.

    Args:
        rules: the overlay and what is sensitive.
        timeout_s: how long this source may be waited for, from now on.
        connections: the most connections at once.

    Raises:
        ConfigError: the address, the token or a certificate file cannot be used.
    """

    def __init__(self, settings: Settings, rules: Rules, *, timeout_s: float = 60.0, connections: int = 2) -> None:
        self._client = Client(settings, connections=connections)
        self._prefix = settings.prefix
        self._rules = rules
        # A little before the caller's own deadline, so that our words say what is wrong and not just that time is up.
        self._deadline = time.monotonic() + timeout_s - min(_LAST_WORDS_S, timeout_s / 10)

    async def read(self, needs: frozenset[Need], known: Snapshot | None = None) -> Snapshot:
        """Return a snapshot that covers `needs`; see `Source.read`. Retries while Consul is unreachable."""
        return (await self._patient(needs, known or Snapshot(), self._deadline)).snapshot

    async def reading(self, needs: frozenset[Need], *, within_s: float) -> Reading:
        """Return a full reading, with the keys as Consul holds them and the index of each path; raises as `read`."""
        return await self._patient(needs, Snapshot(), asyncio.get_running_loop().time() + within_s)

    async def _patient(self, needs: frozenset[Need], known: Snapshot, deadline: float) -> Reading:
        reading = Reading(self._client, self._prefix, self._rules, needs, known)
        await patiently(reading.run, deadline=deadline, label=self._client.label)
        self._refuse_blindness(reading.snapshot)
        return reading

    async def confirm(self, keys: Sequence[str], *, within_s: float | None = None) -> Mapping[str, Presence]:
        """Return what a single consistent read says of each key; see `Source.confirm`. Never raises.

        Args:
            within_s: what is not known by then is `UNKNOWN`; None waits until the source's own deadline.
        """
        absolute = {self._prefix + key: key for key in keys}
        deadline = self._deadline if within_s is None else asyncio.get_running_loop().time() + within_s
        try:
            async with asyncio.timeout_at(deadline):
                said = await confirm(self._client, list(absolute))
        except TimeoutError:
            return dict.fromkeys(keys, Presence.UNKNOWN)
        return {absolute[key]: presence for key, presence in said.items()}

    async def names(self, folder: str) -> list[str]:
        """Return the names of all keys below a folder, relative to the prefix like the folder. Raises as `Client`."""
        return [name[len(self._prefix) :] for name in (await self._client.names(self._prefix + folder)).data]

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()

    def _refuse_blindness(self, snapshot: Snapshot) -> None:
        """Raise where the token sees nothing of what is needed: then nothing can be decided for any target."""
        kept_back = sorted({*snapshot.hidden, *snapshot.denied})
        if not kept_back or snapshot.items or any(snapshot.services.values()):
            return
        if any(need.kind == "key" and need.name not in snapshot.hidden for need in snapshot.covers):
            return
        names = ", ".join(self._prefix + name for name in kept_back[:_NAMED])
        more = f" and {len(kept_back) - _NAMED} more" if len(kept_back) > _NAMED else ""
        raise SourceDenied(
            f"Consul at {self._client.label} hides every needed key from the token ({names}{more}); "
            f'grant its policy: key_prefix "{self._prefix}" {{ policy = "read" }}, or narrower'
        )
