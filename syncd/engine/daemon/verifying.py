"""Reading back what a remote target holds, a part at a time: what was changed behind its digests is drift, too."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from math import ceil

import structlog

from syncd.core.errors import TargetError
from syncd.core.model import Entry
from syncd.engine.reading import Target
from syncd.targets.offers import VERIFIED_AT_ONCE, ReadBack, Verifies

InLine = Callable[[str], Mapping[str, Entry]]
"""Returns the wanted entries that a target, by its name, is known to hold; none where that is not known."""
Wrong = Callable[[str, Mapping[str, str]], None]
"""Is told of a target, by its name, which entries hold something else, and the digest of that."""
_NOTHING_YET_S = 5.0
"""Until it is looked again whether a target holds anything."""
_SHOWN_KEYS = 10
_log = structlog.get_logger()


@asynccontextmanager
async def verifying(targets: Iterable[Target], holds: InLine, wrong: Wrong) -> AsyncIterator[None]:
    """Verify those of the targets that are to be, while the block runs."""
    tasks = [
        asyncio.create_task(_forever(one, one.verify_interval_s, holds, wrong), name=f"verify {one.name}")
        for one in targets
        if isinstance(one, Verifies) and one.verify_interval_s is not None
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def in_line(wanted: Mapping[str, Entry], present: Mapping[str, Entry], owner: str) -> dict[str, Entry]:
    """Return the wanted entries that are there as wanted, as far as their digests tell."""
    return {
        key: entry
        for key, entry in wanted.items()
        if (there := present.get(key)) is not None and there.owner == owner and there.digest == entry.digest
    }


def wrong_words(found: Mapping[str, str]) -> str:
    """Return what was found, for people."""
    first = min(found)
    if len(found) == 1:
        return f"the value of {first} is not what was written; it waits to be repaired"
    return f"{len(found):,} values are not what was written, such as that of {first}; they wait to be repaired"


async def _forever(target: Verifies, interval_s: float, holds: InLine, wrong: Wrong) -> None:
    # Where a round begins is drawn once: a daemon that is often started anew gets everywhere all the same.
    begin, pause_part = random.random(), random.random()  # noqa: S311 - spreads load, guards nothing
    left_out: set[str] = set()
    while True:
        keys = round_order(holds(target.name), begin, left_out)
        if not keys:
            await asyncio.sleep(min(interval_s, _NOTHING_YET_S))
            continue
        parts = ceil(len(keys) / VERIFIED_AT_ONCE)
        compared, found = set[str](), 0
        for number in range(parts):
            await asyncio.sleep(interval_s / parts * pause_part)
            pause_part = 1.0
            start = number * VERIFIED_AT_ONCE
            read = await _verify(target, keys[start : start + VERIFIED_AT_ONCE], holds, wrong)
            compared |= read.compared
            found += len(read.wrong)
        left_out = set(keys) - compared
        _log.info("verified", target=target.name, entries=len(compared), left_out=len(left_out), wrong=found)


def round_order(keys: Iterable[str], begin: float, left_out: Collection[str]) -> Sequence[str]:
    """Return the keys in the order of a round: first those that the last one left out, then from `begin` (0…1) on."""
    ordered = sorted(keys)
    start = int(begin * len(ordered))
    return sorted(ordered[start:] + ordered[:start], key=lambda key: key not in left_out)


async def _verify(target: Verifies, keys: Iterable[str], holds: InLine, wrong: Wrong) -> ReadBack:
    """Verify some entries once. Never raises: what could not be compared is left to the next round."""
    known = holds(target.name)
    try:
        read = await target.read_back([known[key] for key in keys if key in known])
    except TargetError as error:
        _log.warning("verify_failed", target=target.name, error=str(error))
        return ReadBack(frozenset(), {})
    except Exception as error:
        _log.error("internal_error", targets=[target.name], exc_info=error)
        return ReadBack(frozenset(), {})
    now = holds(target.name)  # what is written anew meanwhile is none of our business
    still = frozenset(key for key in read.compared if key in now and now[key].digest == known[key].digest)
    found = {key: digest for key, digest in read.wrong.items() if key in still}
    if found:
        _log.warning("drift", target=target.name, entries=len(found), keys=sorted(found)[:_SHOWN_KEYS])
        wrong(target.name, found)
    return ReadBack(still, found)
