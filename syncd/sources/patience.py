"""Waiting for a source that does not answer yet: short, jittered, and never beyond the deadline."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

from syncd.consul.failures import Unreachable
from syncd.core.errors import NotConsul

LIES_S = 3.0
"""So long an answer that is not Consul's is asked for again: a proxy may be starting, a wrong address never heals."""

T = TypeVar("T")


async def patiently(attempt: Callable[[], Awaitable[T]], *, deadline: float, label: str) -> T:
    """Return what `attempt` gives, trying again while Consul is unreachable.

    Args:
        deadline: when to give up, in the loop's time.
        label: Consul's address, for the message.

    Raises:
        Unreachable: it stayed so; with how often and how long it was tried.
        SyncdError: whatever else `attempt` raises, at once.
    """
    clock = asyncio.get_running_loop().time
    begun = clock()
    last: Unreachable | NotConsul | None = None
    tries = 0

    def worth_it(error: Exception) -> bool:
        nonlocal last
        if not isinstance(error, Unreachable | NotConsul):
            return False
        last = error
        return isinstance(error, Unreachable) or clock() - begun < LIES_S

    try:
        async with asyncio.timeout_at(deadline):
            async for context in stamina.retry_context(
                on=worth_it, attempts=None, timeout=None, wait_initial=0.1, wait_max=2.0, wait_jitter=0.2
            ):
                with context:
                    tries = context.num
                    return await attempt()
    except TimeoutError as error:
        if isinstance(last, NotConsul):
            raise last from error
        failure = last or Unreachable(label, "did not answer in time")
        raise failure.after(tries, clock() - begun) from error
    raise AssertionError("a retry context without attempts ends by returning or raising")
