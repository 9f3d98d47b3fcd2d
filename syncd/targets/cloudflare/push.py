"""Carrying out changes: bulks of pairs, writes before deletes, refused keys again."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from syncd.core.errors import Fenced, TargetError
from syncd.core.model import Change, Entry
from syncd.targets.base import Fence, Progress, unfenced
from syncd.targets.cloudflare import wire
from syncd.targets.cloudflare.calls import Calls

ROUNDS = 4
"""How often a key is sent that the API reports as unsuccessful, at least a second apart."""

_Send = Callable[[Mapping[str, bytes], float, Fence], Awaitable[Sequence[str]]]


class Push:
    """One apply. After an error, `done` changes were carried out or reported; those of the bulk in flight may be."""

    def __init__(
        self,
        calls: Calls,
        owner: str,
        changes: Sequence[Change],
        progress: Progress,
        deadline: float,
        fence: Fence = unfenced,
    ) -> None:
        self._calls = calls
        self._owner = owner
        self._changes = sorted(changes, key=lambda change: change.key)
        self._progress = progress
        self._deadline = deadline
        self._fence = fence
        self._failed: dict[str, str] = {}
        self._done = 0

    async def run(self) -> dict[str, str]:
        """Write, then delete; return why each key failed that did.

        Raises:
            TargetError: the API refused, or could not be reached.
        """
        wanted = [change.entry for change in self._changes if change.entry is not None and change.op != "delete"]
        gone = [change.key for change in self._changes if change.op == "delete"]
        after: dict[str, Entry | None] = {
            entry.key: Entry(entry.key, entry.digest, owner=self._owner) for entry in wanted
        }
        self._progress(0, len(self._changes))
        try:
            for bulk in wire.bulks((entry.key, wire.pair(entry, self._owner)) for entry in wanted):
                await self._until_done(self._calls.put, bulk, after, "written")
            for bulk in wire.bulks((key, msgspec.json.encode(key)) for key in gone):
                await self._until_done(self._calls.delete, bulk, after, "deleted")
        except Fenced:
            raise
        except TargetError as error:
            if not self._done:
                raise
            raise TargetError(
                f"{error}; {self._done:,} of {len(self._changes):,} changes were made before",
                retry_after_s=error.retry_after_s,
                final=error.final,
            ) from error
        return self._failed

    async def _until_done(
        self, send: _Send, bulk: Mapping[str, bytes], after: Mapping[str, Entry | None], word: str
    ) -> None:
        left = bulk
        for _ in range(ROUNDS):
            refused = set(await send(left, self._deadline, self._fence))
            self._calls.ledger.acknowledged({key: after.get(key) for key in left if key not in refused})
            left = {key: encoded for key, encoded in left.items() if key in refused}
            if not left:
                break
        self._failed.update((key, f"Workers KV has not {word} it in {ROUNDS} tries") for key in left)
        self._done += len(bulk)
        self._progress(self._done, len(self._changes))
