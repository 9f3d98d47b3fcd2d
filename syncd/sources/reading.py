"""One reading of Consul: carries out the planned reads and proves what they did not show."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from syncd.consul.answers import Pair
from syncd.consul.budget import Path
from syncd.consul.client import Client
from syncd.consul.failures import PermissionDenied
from syncd.consul.paths import addressable
from syncd.consul.planner import Reads, nearest, plan, readable
from syncd.core.model import Instance, Need, RawKey
from syncd.core.snapshot import Rules, Snapshot, layered

FEW_KEYS = 8
"""More exact keys than that are read in transactions: a thousand single reads take most of a second."""

Job = Callable[[], Coroutine[Any, Any, None]]


class Reading:
    """Reads what `needs` asks for and `known` does not cover, and makes a snapshot of both.

    Names are relative to the prefix, with the overlay folder where not said otherwise ("visible" keys have none).
    What was read is kept, so that `run` after a failure goes on where it stopped.
    """

    def __init__(self, client: Client, prefix: str, rules: Rules, needs: Iterable[Need], known: Snapshot) -> None:
        self._client = client
        self._prefix = prefix
        self._rules = rules
        self._known = known
        self._needs = frozenset(need for need in needs if not _answers(known, need))
        self._pairs: dict[str, Pair] = {}
        self._missing: set[str] = set()
        self._hidden: set[str] = set()
        self._folders: set[str] = set()
        self._denied: set[str] = set()
        self._services: dict[str, tuple[Instance, ...]] = {}
        self._catalog: dict[str, tuple[str, ...]] | None = None
        self._index = known.index
        self.indexes: dict[Path, int] = {}
        """The Consul index of each path that was read."""
        self.snapshot = known

    @property
    def pairs(self) -> Mapping[str, Pair]:
        """Every key that was read, as Consul holds it, overlay folders included."""
        return self._pairs

    @property
    def denied(self) -> frozenset[str]:
        """The folders that Consul refused to list, overlay folders included."""
        return frozenset(self._denied)

    async def run(self) -> None:
        """Make `snapshot`; raises what `Client` raises but PermissionDenied, which is part of the snapshot."""
        while jobs := self._jobs(self._plan()):
            await _all(jobs)
        if self._rules.layer:
            await self._prove_overlay()
        await _all([partial(self._read_key, key) for key in self._visible() if not self._settled(key)])
        self.snapshot = self._made()

    # --- reads ---

    def _plan(self) -> Reads:
        read = {need.name for need in self._known.covers if need.kind == "folder"} | self._folders
        return plan(self._needs, layer=self._rules.layer, read=frozenset(read), denied=frozenset(self._denied))

    def _jobs(self, reads: Reads) -> list[Job]:
        jobs: list[Job] = [partial(self._read_folder, folder) for folder in reads.folders]
        keys = [key for key in reads.keys if not self._seen(key)]
        if len(keys) > FEW_KEYS:
            jobs.append(partial(self._read_keys, keys))
        else:
            jobs += [partial(self._read_key, key) for key in keys]
        jobs += [partial(self._read_service, name) for name in reads.services if name not in self._services]
        if reads.catalog and self._catalog is None:
            jobs.append(self._read_catalog)
        return jobs

    async def _read_folder(self, folder: str) -> None:
        try:
            reply = await self._client.folder(self._prefix + folder)
        except PermissionDenied:
            self._denied.add(folder)
            return
        self._note(reply.index, Path("folder", folder))
        cut = len(self._prefix)
        self._pairs |= {pair.key[cut:]: pair for pair in reply.data}
        self._folders.add(folder)

    async def _read_keys(self, keys: Sequence[str]) -> None:
        cut = len(self._prefix)
        for key, pair in (await self._client.several([self._prefix + key for key in keys])).items():
            self._pairs[key[cut:]] = pair
            self._note(pair.modify_index, Path("key", key[cut:]))  # what a read of the key itself would give
        await _all([partial(self._read_key, key) for key in keys if not self._seen(key)])

    async def _read_key(self, key: str) -> None:
        try:
            reply = await self._client.key(self._prefix + key)
        except PermissionDenied:
            self._hidden.add(key)
            return
        self._note(reply.index, Path("key", key))
        if reply.data is None:
            self._missing.add(key)
        else:
            self._pairs[key] = reply.data

    async def _read_service(self, name: str) -> None:
        if not name or not addressable(name):  # no such service can be asked for: it has no instances
            self._services[name] = ()
            return
        try:
            reply = await self._client.service(name)
        except PermissionDenied:
            self._services[name] = ()
            return
        self._note(reply.index, Path("service", name))
        self._services[name] = reply.data

    async def _read_catalog(self) -> None:
        try:
            reply = await self._client.catalog()
        except PermissionDenied:
            self._catalog = {}
            return
        self._note(reply.index, Path("catalog"))
        self._catalog = reply.data

    def _note(self, index: int, path: Path) -> None:
        self._index = max(self._index, index)
        self.indexes[path] = index

    # --- proofs ---

    async def _prove_overlay(self) -> None:
        """Settle every exact key's overlay: one that the token may not see must not let the value below it through."""
        doubtful = [key for key in map(self._over, self._visible()) if not self._seen(key)]
        self._missing |= self._stripped(await self._client.gone([self._prefix + key for key in doubtful]))
        await _all([partial(self._read_key, key) for key in doubtful if not self._seen(key)])

    def _stripped(self, keys: Iterable[str]) -> set[str]:
        return {key[len(self._prefix) :] for key in keys}

    def _visible(self) -> list[str]:
        """Return the exact keys that are asked for and can exist."""
        return sorted(readable((need.name for need in self._needs if need.kind == "key"), self._rules.layer))

    def _over(self, key: str) -> str:
        return f"{self._rules.layer}/{key}"

    def _seen(self, key: str) -> bool:
        return key in self._pairs or key in self._missing or key in self._hidden

    def _settled(self, key: str) -> bool:
        """Return True where a visible key needs no read of its own."""
        return self._seen(key) or bool(self._rules.layer and self._over(key) in self._pairs)

    def _is_hidden(self, key: str) -> bool:
        if self._rules.layer and self._over(key) not in self._missing:
            return self._over(key) in self._hidden
        return key in self._hidden

    # --- the snapshot ---

    def _made(self) -> Snapshot:
        known, hidden = self._known, {key for key in self._visible() if self._is_hidden(key)} | self._known.hidden
        raw = (RawKey(key, pair.value or b"", pair.modify_index) for key, pair in self._pairs.items())
        items = layered(raw, self._rules)
        for key, item in known.items.items():
            if key not in items or item.layer or not items[key].layer:  # of the same pass; an overlay stands above
                items[key] = item
        denied = self._refused()
        covers = {need for need in self._needs if not (need.kind == "folder" and need.name in denied)}
        covers |= {Need("folder", folder) for folder in self._folders}
        return Snapshot(
            items={key: items[key] for key in sorted(items) if key not in hidden},
            services={**known.services, **self._services},
            catalog=known.catalog if self._catalog is None else self._catalog,
            covers=known.covers | covers,
            hidden=frozenset(hidden),
            denied=known.denied | denied,
            partial=True,
            layer=self._rules.layer,
            index=self._index,
        )

    def _refused(self) -> frozenset[str]:
        """Return the folders that were asked for and cannot be listed, or whose overlay cannot."""
        overlay = bool(self._rules.layer) and self._rules.layer + "/" in self._denied
        asked = {need.name for need in self._needs if need.kind == "folder"}
        return frozenset(folder for folder in asked if overlay or nearest(folder) in self._denied)


def _answers(known: Snapshot, need: Need) -> bool:
    if need.kind == "folder":
        return need.name in known.denied or known.covers_folder(need.name)
    return need in known.covers


async def _all(jobs: Iterable[Job]) -> None:
    """Run all jobs at once (the client keeps to its connections); at the first failure the others are cancelled."""
    # No TaskGroup: on Python 3.11 one that fails leaves its task marked as cancelled, and no deadline around it works.
    tasks = [asyncio.ensure_future(job()) for job in jobs]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
