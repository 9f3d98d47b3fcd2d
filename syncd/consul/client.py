"""Typed, consistent reads of one Consul. Keys and folders are absolute here."""

from collections.abc import Sequence

import msgspec

from syncd.consul import answers, services, txn
from syncd.consul.answers import Pair, Reply
from syncd.consul.failures import PermissionDenied
from syncd.consul.paths import addressable
from syncd.consul.settings import Settings
from syncd.consul.transport import Api
from syncd.core.errors import NotConsul
from syncd.core.model import Instance

_names_decoder = msgspec.json.Decoder(list[str])


class Client:
    """Reads of one Consul over at most `connections` connections.

    With `index` a read is a blocking query: it answers when something changed after that index, or after `wait_s`
    seconds, and can be cancelled at any time. Every read raises:
        Unreachable: no answer in time, 5xx or 429.
        Untrusted: TLS was refused.
        NotConsul: what answered is not Consul.
        SourceDenied: the token is refused as a whole.
        PermissionDenied: the token may not read this path.
        ConfigError: the token file cannot be read.
    """

    def __init__(self, settings: Settings, *, connections: int = 2) -> None:
        self._api = Api(settings, connections=connections)

    @property
    def label(self) -> str:
        """The address, for messages."""
        label: str = self._api.http.label
        return label

    async def key(self, key: str, *, index: int | None = None, wait_s: float | None = None) -> Reply[Pair | None]:
        """Return one key, None where it is proved to be missing. A key that no URL can name does not block."""
        if not addressable(key):
            return await self._odd_key(key)
        answer = await self._api.kv.get(key, index=index, wait=_wait(wait_s))
        return answers.one_pair(answer, key)

    async def folder(self, folder: str, *, index: int | None = None, wait_s: float | None = None) -> Reply[list[Pair]]:
        """Return all keys below `folder` ("" or ending in `/`) that the token may see, in key order."""
        answer = await self._api.kv.get(folder, recurse=True, index=index, wait=_wait(wait_s))
        return answers.many_pairs(answer, folder)

    async def names(self, folder: str, *, index: int | None = None, wait_s: float | None = None) -> Reply[list[str]]:
        """Return the names of all keys below `folder`, without values."""
        answer = await self._api.kv.get(folder, keys=True, index=index, wait=_wait(wait_s))
        found = answers.believable(answer, missing=True)
        data = [] if answer.status == 404 else answers.decoded(answer, _names_decoder)
        return Reply(answer.status, found, answer.headers, data)

    async def service(
        self, name: str, *, index: int | None = None, wait_s: float | None = None
    ) -> Reply[tuple[Instance, ...]]:
        """Return all instances of a service in any state; none for an unknown name, and without rights."""
        answer = await self._api.health.service(name, index=index, wait=_wait(wait_s))
        reply = answers.listing(answer, services.health_decoder)
        return Reply(reply.status, reply.index, reply.headers, services.instances(reply.data))

    async def catalog(
        self, *, index: int | None = None, wait_s: float | None = None
    ) -> Reply[dict[str, tuple[str, ...]]]:
        """Return the name and tags of every service that the token may see, in name order."""
        answer = await self._api.catalog.services(index=index, wait=_wait(wait_s))
        reply = answers.listing(answer, services.catalog_decoder)
        return Reply(reply.status, reply.index, reply.headers, services.catalog(reply.data))

    async def several(self, keys: Sequence[str]) -> dict[str, Pair]:
        """Return those of the keys that transactions show, by key; of the others nothing is known."""
        pairs: dict[str, Pair] = {}
        for start in range(0, len(keys), txn.MAX_OPS):
            chunk = keys[start : start + txn.MAX_OPS]
            try:
                found = (await txn.read(self._api, chunk)).data
                there = [key for key in chunk if key not in found.missing]
                if found.missing and there:  # one missing key makes it show none of the others
                    found = (await txn.read(self._api, there)).data
            except (NotConsul, PermissionDenied):  # as in `gone`
                break
            pairs |= found.pairs
        return pairs

    async def gone(self, keys: Sequence[str]) -> frozenset[str]:
        """Return those of the keys that are proved not to exist, asked in bulk; of the others nothing is known."""
        proved: set[str] = set()
        for start in range(0, len(keys), txn.MAX_OPS):
            try:
                reply = await txn.read(self._api, keys[start : start + txn.MAX_OPS])
            except (NotConsul, PermissionDenied):  # a proxy that lets no PUT through: then nothing is proved in bulk
                break
            proved |= reply.data.missing
        return frozenset(proved)

    async def shown(self, keys: Sequence[str]) -> frozenset[str]:
        """Return those of the keys that a transaction shows, asked in bulk; of the others nothing is known.

        None is shown in a transaction that also asks for a missing key: ask `gone` first and leave those out.
        """
        found: set[str] = set()
        for start in range(0, len(keys), txn.MAX_OPS):
            try:
                reply = await txn.read(self._api, keys[start : start + txn.MAX_OPS])
            except (NotConsul, PermissionDenied):
                break
            found |= reply.data.pairs.keys()
        return frozenset(found)

    async def close(self) -> None:
        """Close all connections."""
        await self._api.http.close()

    async def _odd_key(self, key: str) -> Reply[Pair | None]:
        reply = await txn.read(self._api, [key])
        if key in reply.data.missing:
            return Reply(404, 0, reply.headers, None)
        if key not in reply.data.pairs:
            raise PermissionDenied(f"Consul at {self.label} hides {key}; grant the token's policy read on it")
        return Reply(200, 0, reply.headers, reply.data.pairs[key])


def _wait(wait_s: float | None) -> str | None:
    return None if wait_s is None else f"{round(wait_s * 1000)}ms"
