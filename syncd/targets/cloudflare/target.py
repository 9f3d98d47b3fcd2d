"""The `cloudflare_kv` target: what it wants, what is there, and how the one becomes the other."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from math import inf

from syncd.core.allowance import Daily
from syncd.core.errors import TargetError
from syncd.core.explain.model import Part
from syncd.core.globs import is_glob
from syncd.core.graph.model import Feed
from syncd.core.model import Change, Desired, Entry, Need
from syncd.core.snapshot import View
from syncd.core.usage import Usage
from syncd.targets.base import Context, Fence, Progress, unfenced
from syncd.targets.cloudflare import desired as wants
from syncd.targets.cloudflare import wire
from syncd.targets.cloudflare.calls import Calls
from syncd.targets.cloudflare.config import Config
from syncd.targets.cloudflare.faults import Place
from syncd.targets.cloudflare.freeplan import daily
from syncd.targets.cloudflare.parts import parts
from syncd.targets.cloudflare.push import Push
from syncd.targets.cloudflare.sessions import Sessions
from syncd.targets.cloudflare.shared import PROCESS, Shared
from syncd.targets.offers import ReadBack

WITHIN_S = 60.0
"""How long a read or an apply waits for the API to take calls again, unless it is told otherwise."""
SHOWN_VALUES = 500
"""How many old values a plan shows; each hundred is one more call."""


class CloudflareKv:
    """One target; see `RemoteTarget`. Every call may be told to wait less or more than a minute, by `within_s`."""

    kind = "cloudflare_kv"

    def __init__(self, name: str, config: Config, context: Context, shared: Shared = PROCESS) -> None:
        self.name = name
        self.config = config
        self.policy: str = config.policy
        self._context = context
        self._shared = shared
        self._place = Place(config.base_url, config.account_id, config.namespace_id)
        self._sessions = Sessions(self._calls)

    @property
    def usage(self) -> Usage:
        """What targets of this name asked since the process began; see `UsesWorkersKv`."""
        return self._shared.usage(self.name)

    def needs(self) -> frozenset[Need]:
        """Return what is read, all of it."""
        return wants.needs(self.config)

    def desired(self, view: View, masked: View) -> Desired:
        """Return the wanted pairs. A value is a whole key's value, so nothing is rendered a second time."""
        return wants.desired(self.config, view, self._context.owner)

    def parts(self, view: View, masked: View) -> tuple[Part, ...]:
        """Return where each wanted pair comes from; see `Explains`."""
        return parts(self.config, view)

    def outline(self) -> tuple[Feed, ...]:
        """Return the keys and globs that it names."""
        return tuple(Feed("glob" if is_glob(one) else "key", one) for one in self.config.keys)

    def source_key(self, entry_key: str) -> str | None:
        """Return the source key that would feed this entry if the configuration still wants it, else None."""
        return wants.source_key(self.config, entry_key)

    def bare_key(self, entry_key: str) -> str:
        """Return the entry key without `key_prefix`."""
        return entry_key.removeprefix(self.config.key_prefix)

    async def read(self, desired: Desired, *, within_s: float = WITHIN_S) -> Mapping[str, Entry]:
        """Return all pairs under `key_prefix`, corrected by our own writes of the last two minutes.

        A wanted pair that nobody claims comes with its content and a digest of it; others with what metadata says.

        Raises:
            TargetError: it could not be read.
        """
        async with self._open(within_s) as (calls, deadline):
            return await self._read(desired, calls, deadline)

    async def _read(self, desired: Desired, calls: Calls, deadline: float) -> Mapping[str, Entry]:
        owner, prefix = self._context.owner, self.config.key_prefix
        found: dict[str, Entry] = {}
        cursor, seen = "", set[str]()
        while True:
            rows, cursor = await calls.page(prefix, cursor, deadline)
            for row in rows:
                if row.name.startswith(prefix):
                    found[row.name] = wire.present(row, owner, self._context.owner_was)
            if not cursor:  # an empty page with a cursor is not the end
                break
            if cursor in seen:
                raise TargetError(f"{self.name}: listing keys: the same cursor came twice; the list would never end")
            seen.add(cursor)
        calls.ledger.correct(found, prefix, owner)
        unclaimed = [key for key in desired.entries if key in found and found[key].owner is None]
        for key, content in (await calls.contents(unclaimed, deadline)).items():
            if key in found:
                found[key] = replace(found[key], digest=wire.digest(content), content=content)
        return found

    async def values(
        self, keys: Sequence[str], *, within_s: float = WITHIN_S, spare: bool = False
    ) -> Mapping[str, bytes]:
        """Return the present contents of the first 500 of these keys; what cannot be had is left out."""
        try:
            async with self._open(0.0 if spare else within_s) as (calls, deadline):
                return await calls.contents(keys[:SHOWN_VALUES], deadline, spare=spare)
        except TargetError:
            return {}

    async def apply(
        self, changes: Sequence[Change], progress: Progress, *, within_s: float = WITHIN_S, fence: Fence = unfenced
    ) -> Mapping[str, str]:
        """Carry out the changes, deletes last; return why each key failed that did. Needs no read before it.

        Cancelled, the bulk in flight may or may not have been carried out; the next read tells.

        Raises:
            TargetError: the API refused or could not be reached; changes of earlier bulks are done.
        """
        async with self._open(within_s) as (calls, deadline):
            return await Push(calls, self._context.owner, changes, progress, deadline, fence).run()

    @property
    def verify_interval_s(self) -> float | None:
        """How often each value is read back; None for never. See `Verifies`."""
        return self.config.verify.interval if self.config.verify is not None else None

    async def read_back(self, wanted: Sequence[Entry]) -> ReadBack:
        """Compare values with the wanted ones; see `Verifies`.

        Those written within two minutes are left out, for what is read may be older; so are values too large to be
        shown. What is not text is compared as far as the API shows it.

        Raises:
            TargetError: they could not be read.
        """
        async with self._open(inf) as (calls, deadline):
            asked = {one.key: one for one in wanted if not calls.ledger.lately(one.key)}
            looked = await calls.look(list(asked), deadline)
        compared = {key: text for key, text in looked.items() if not calls.ledger.lately(key)}
        wrong: dict[str, str] = {}
        for key, text in compared.items():
            if text is None or text.removeprefix("\ufeff") != wire.shown(asked[key].content or b""):
                wrong[key] = "" if text is None else wire.digest(text.encode())
                calls.ledger.wrong(key, asked[key].digest, wrong[key])
        return ReadBack(frozenset(compared), wrong)

    def daily(self, entries: int, reconcile_s: float) -> Iterable[Daily]:
        """Return what it asks of its account in a day; see `Metered`."""
        return daily(self.config, entries, reconcile_s)

    def forget(self) -> None:
        """Believe the next list over our own writes: another instance may have written since."""
        place = self._place
        self._shared.ledger(place.base_url, place.account_id, place.namespace_id).forget(self.config.key_prefix)

    async def close(self) -> None:
        """Close connections; those in use when their last call has ended."""
        await self._sessions.close()

    @asynccontextmanager
    async def _open(self, within_s: float) -> AsyncIterator[tuple[Calls, float]]:
        """Give the calls for the token as it is now, and the deadline."""
        async with self._sessions.use(self._token()) as calls:
            yield calls, self._shared.clock.now() + within_s

    def _calls(self, token: str) -> Calls:
        from syncd.targets.cloudflare.api import Api  # the SDK is slow to import

        return Calls(self.name, Api(self._place.base_url, token), token, self._place, self._shared)

    def _token(self) -> str:
        if self.config.api_token_file is None:
            where = "api_token"
            token = self.config.api_token.get_secret_value() if self.config.api_token else ""
        else:
            path = self._context.base_dir / self.config.api_token_file
            where = f"api_token_file {path}"
            try:
                token = path.read_bytes().decode("latin-1")
            except OSError as error:
                raise TargetError(f"{self.name}: {where} cannot be read: {error.strerror}") from error
        token = token.strip()
        if not token or not all("!" <= letter <= "~" for letter in token):
            raise TargetError(f"{self.name}: {where} holds no API token: one line of letters, digits and signs")
        return token
