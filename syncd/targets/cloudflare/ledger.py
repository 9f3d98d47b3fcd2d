"""What this process wrote to one namespace lately, because Workers KV is slow to show it and slow to take more.

A list can be a minute old, so an acknowledged write is believed over a list for a while. And Workers KV takes one write
per key and second.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from syncd.core.model import Entry
from syncd.targets.cloudflare.clock import Clock

TRUST_S = 120.0
SPACING_S = 1.0
_MARGIN_S = 0.05
"""Our clock and Cloudflare's see a request at different moments."""


class Ledger:
    """The recent writes to one namespace, by key in the namespace."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._touched: dict[str, float] = {}
        self._known: dict[str, tuple[float, Entry | None]] = {}
        self._wrong: dict[str, tuple[str, str]] = {}

    def ready_in(self, keys: Iterable[str]) -> float:
        """Return the seconds until all of these keys may be written again, 0 where they may be now."""
        latest = max((self._touched.get(key, float("-inf")) for key in keys), default=float("-inf"))
        return max(0.0, latest + SPACING_S + _MARGIN_S - self._clock.now())

    def touched(self, keys: Iterable[str]) -> None:
        """Note that these keys were written just now, or may have been; what was known of them is not any more."""
        now = self._clock.now()
        self._touched = {key: at for key, at in self._touched.items() if now - at < SPACING_S + _MARGIN_S}
        for key in keys:
            self._touched[key] = now
            self._known.pop(key, None)

    def acknowledged(self, written: Mapping[str, Entry | None]) -> None:
        """Note what the API said it stored (the entry) or removed (None)."""
        now = self._clock.now()
        self._forget_old(now)
        self._known.update((key, (now, entry)) for key, entry in written.items())
        for key in written:
            self._wrong.pop(key, None)

    def lately(self, key: str) -> bool:
        """Return whether a key was written so lately that what is read of it may be older."""
        self._forget_old(self._clock.now())
        return key in self._known or self.ready_in((key,)) > 0

    def wrong(self, key: str, noted: str, real: str) -> None:
        """Note which digest a value really has whose metadata notes another; until it is written again."""
        self._wrong[key] = (noted, real)

    def forget(self, prefix: str) -> None:
        """Stop believing our writes below `prefix`; their distance in time is kept all the same."""
        self._known = {key: known for key, known in self._known.items() if not key.startswith(prefix)}
        self._wrong = {key: wrong for key, wrong in self._wrong.items() if not key.startswith(prefix)}

    def correct(self, listed: dict[str, Entry], prefix: str, owner: str) -> None:
        """Put our acknowledged writes below `prefix` in place of what an old list says of them.

        And the digest that a value was found to have in place of the one that is noted beside it.

        An entry that another owner claims stays as listed: we never write over one, so it is newer than our write.
        """
        self._forget_old(self._clock.now())
        for key, (noted, real) in self._wrong.items():
            if key.startswith(prefix) and key in listed and listed[key].digest == noted:
                listed[key] = replace(listed[key], digest=real)
        for key, (_, entry) in self._known.items():
            if not key.startswith(prefix):
                continue
            found = listed.get(key)
            if found is not None and found.owner not in (owner, None):
                continue
            if entry is not None:
                listed[key] = entry
            elif found is not None and found.owner == owner:
                del listed[key]

    def _forget_old(self, now: float) -> None:
        self._known = {key: known for key, known in self._known.items() if now - known[0] < TRUST_S}
