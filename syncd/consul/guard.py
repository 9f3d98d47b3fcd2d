"""The proof before a delete: what one consistent read of exactly one key says."""

import asyncio
from collections.abc import Mapping, Sequence

from syncd.consul.client import Client
from syncd.core.errors import SourceDenied, SyncdError
from syncd.core.model import Presence

_AT_ONCE = 16


async def confirm(client: Client, keys: Sequence[str]) -> Mapping[str, Presence]:
    """Return what Consul says of each absolute key: first in bulk, then one by one where that proves nothing.

    Never raises: a key that cannot be read now is `UNKNOWN`, and what is not `GONE` is kept. After the first such key
    the rest is not asked for any more. A key that a transaction shows is there, whatever is said where its URL is read:
    something in between may answer for Consul.
    """
    gone = shown = frozenset[str]()
    try:
        gone = await client.gone(keys)
        shown = await client.shown([key for key in keys if key not in gone])
    except SyncdError:
        pass
    found = dict.fromkeys(keys, Presence.UNKNOWN) | dict.fromkeys(gone, Presence.GONE)
    found |= dict.fromkeys(shown, Presence.PRESENT)
    doubtful = [key for key in found if key not in gone and key not in shown]
    for start in range(0, len(doubtful), _AT_ONCE):
        part = doubtful[start : start + _AT_ONCE]
        said = await asyncio.gather(*(_confirm_one(client, key) for key in part))
        found |= dict(zip(part, said, strict=True))
        if Presence.UNKNOWN in said:
            break
    return found


async def _confirm_one(client: Client, key: str) -> Presence:
    try:
        reply = await client.key(key)
    except SourceDenied:
        return Presence.HIDDEN
    except SyncdError:
        return Presence.UNKNOWN
    return Presence.GONE if reply.data is None else Presence.PRESENT
