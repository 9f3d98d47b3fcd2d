"""What a target asks of Workers KV in a day by its schedules, beside what Cloudflare's free plan allows. Pure.

Source: developers.cloudflare.com/kv/platform/limits and /pricing: 100,000 keys read and 1,000 lists a day for a whole
account; each key of a bulk read counts, and each page of a list.
"""

from collections.abc import Iterator
from math import ceil

from syncd.core.allowance import DAY_S, Daily
from syncd.targets.cloudflare.config import Config

FREE_LISTS = 1_000
FREE_READS = 100_000
PAGE_KEYS = 1_000


def daily(config: Config, entries: int, reconcile_s: float) -> Iterator[Daily]:
    """Yield the lists and the reads of a day, of a target with so many entries."""
    account = f"Workers KV account {config.account_id}"
    lists = max(1, ceil(entries / PAGE_KEYS)) * DAY_S / reconcile_s
    yield Daily(account, "pages of lists", lists, FREE_LISTS, "reconcile.interval")
    if config.verify is not None:
        reads = entries * DAY_S / config.verify.interval
        yield Daily(account, "values read back", reads, FREE_READS, "verify.interval")
