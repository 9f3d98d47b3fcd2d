"""The config file as the daemon follows it: when to look at it again, and whether its bytes are news."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from watchfiles import awatch

from syncd.core.digest import sha256_hex

LOOK_S = 5.0
"""A file that is mounted on its own gives its folder no events; it is looked at so often."""
AGAIN_S = 15.0
"""So long a config that could not be planned waits until it is tried again, and each time twice as long: a key that it
lacks may come, but each try reads what the targets hold."""
_DEBOUNCE_MS = 200
_LOOK_AGAIN_S = 1.0


class ConfigFile:
    """Which bytes of the file are in use, and which were refused.

    Args:
        digest: SHA-256 of the bytes that were loaded; the file may hold others already.
    """

    def __init__(self, path: Path, digest: str) -> None:
        self._path = path
        self._asked = asyncio.Event()
        self._settled = self._tried = digest
        self._again_at: float | None = None
        self._pause_s = AGAIN_S
        self._read = ""
        self._mark: tuple[int, int, int] | None = None

    def look(self) -> None:
        """Look at the file now (SIGHUP), even at one that was refused before."""
        self._tried = self._settled
        self._asked.set()

    def settled(self) -> None:
        """Note that the bytes that were just read are in use."""
        self._settled, self._again_at, self._pause_s = self._tried, None, AGAIN_S

    def back_to(self, digest: str) -> None:
        """Note that other bytes than those that were read last are in use, after all."""
        self._settled = digest

    def refused(self, *, again: bool, longest_s: float) -> None:
        """Note that they cannot be used; `again`: what stands in their way may pass by itself."""
        self._again_at = asyncio.get_running_loop().time() + self._pause_s if again else None
        self._pause_s = max(AGAIN_S, min(2 * self._pause_s, longest_s))

    async def meanwhile(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do the work; give it up where the file holds other bytes again, and return False then."""
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait({task}, timeout=_LOOK_AGAIN_S))[0]:
                if self._digest() != self._tried:
                    return False
            await task
            return True
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def changes(self) -> AsyncIterator[None]:
        """Yield whenever the file holds other bytes than those in use, and was not refused with them before."""
        stopping = asyncio.Event()
        events = asyncio.create_task(self._events(stopping), name="config file events")
        try:
            while True:
                if self._is_news():
                    yield
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._asked.wait(), LOOK_S)
                self._asked.clear()
        finally:
            stopping.set()
            events.cancel()

    def _is_news(self) -> bool:
        """Return whether the file is to be read; `settled` or `refused` says what came of it."""
        found = self._digest()
        again = self._again_at is not None and self._again_at <= asyncio.get_running_loop().time()
        if found == self._tried and not (again and found != self._settled):
            return False
        if found != self._tried:
            self._again_at, self._pause_s = None, AGAIN_S
        self._tried = found
        return True

    async def _events(self, stopping: asyncio.Event) -> None:
        """Look at once when something changes in the file's folder; where nobody tells, `LOOK_S` has to do."""
        with suppress(OSError):
            async for _ in awatch(
                self._path.parent, step=50, debounce=_DEBOUNCE_MS, recursive=False, stop_event=stopping
            ):
                self._asked.set()

    def _digest(self) -> str:
        """Return what tells one content from another; "" where it cannot be read."""
        try:
            status = self._path.stat()
            mark = status.st_ino, status.st_mtime_ns, status.st_size
            if mark != self._mark:  # its folder may see many events that are none of its own
                self._read, self._mark = sha256_hex(self._path.read_bytes()), mark
        except OSError:
            self._read, self._mark = "", None
        return self._read
