"""Proof that a reload worked: what must answer within some time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from syncd.core.errors import ReloadError

_PAUSE_S = 0.1
_LONGEST_TRY_S = 5.0
_IN_A_ROW = 3
"""Just after a reload the old state may answer once more; it does not answer every time."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Tries `attempt` until it worked three times in a row, for up to `within_s`; it raises ReloadError or OSError."""

    what: str
    attempt: Callable[[], Awaitable[None]]
    within_s: float

    async def run(self) -> None:
        """Wait for the proof.

        Raises:
            ReloadError: there was none in time; why the last try did not work.
        """
        row, last = 0, "no answer"
        try:
            async with asyncio.timeout(self.within_s):
                while row < _IN_A_ROW:
                    try:
                        async with asyncio.timeout(_LONGEST_TRY_S):
                            await self.attempt()
                        row += 1
                    except TimeoutError:
                        row, last = 0, f"no answer in {_LONGEST_TRY_S:g} s"
                    except ReloadError as error:
                        row, last = 0, str(error)
                    await asyncio.sleep(_PAUSE_S)
        except TimeoutError as error:
            raise ReloadError(f"{self.what} failed for {self.within_s:g} s: {last}") from error


@dataclass(frozen=True, slots=True)
class Port:
    """A TCP port that takes connections."""

    host: str
    number: int

    async def connect(self) -> None:
        """Connect, and close again.

        Raises:
            ReloadError: nothing takes connections there.
        """
        try:
            _, writer = await asyncio.open_connection(self.host, self.number)
        except OSError as error:
            why = error.strerror or "no connection"
            raise ReloadError(f"{self.host}:{self.number} cannot be reached ({why})") from error
        writer.close()
