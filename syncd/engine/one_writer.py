"""The lock around one pass of `once` and `apply`."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from syncd.consul.failures import Unreachable
from syncd.core.errors import LockHeld, NotConsul
from syncd.engine.deadline import Deadline
from syncd.engine.leadership import Leadership, leadership_of
from syncd.engine.lease import Permit
from syncd.engine.reading import is_file
from syncd.engine.setup import Setup


@asynccontextmanager
async def one_writer(setup: Setup, selected: Sequence[str], deadline: Deadline, command: str) -> AsyncIterator[Permit]:
    """Hold the lock of `consul.lock_key` for the block and give the right to write; without a lock key it is free.

    A pass over files alone needs no lock.

    Raises:
        LockHeld: another instance holds it until the deadline.
        SourceUnavailable, SourceDenied, ConfigError: Consul could not be asked.
    """
    leadership = leadership_of(setup, command)
    if leadership is None or all(is_file(target) for target in setup.select(selected)):
        yield Permit()
        return
    keeping = asyncio.create_task(leadership.run(), name="lock")
    try:
        await _granted(leadership, deadline)
        yield leadership.lease.permit()
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await leadership.close()


async def _granted(leadership: Leadership, deadline: Deadline) -> None:
    """Wait until the lock is ours."""
    try:
        async with asyncio.timeout(deadline.remaining_s()):
            while not leadership.lease.held:
                leadership.asked.clear()
                await leadership.asked.wait()
                trouble = leadership.trouble
                if trouble is not None and not isinstance(trouble, Unreachable | NotConsul):
                    raise trouble
    except TimeoutError as error:
        if leadership.trouble is not None:
            raise leadership.trouble from error
        key, why = leadership.status.key, leadership.lease.why_not
        raise LockHeld(
            f"consul.lock_key: no lock on '{key}' within {deadline.timeout_s:g} s: {why}; "
            "stop it or let it do the work, or name file targets only with --target"
        ) from error
