"""Check by the consumer itself: it tests the files that it sees, and writes what it found.

It writes JSON, `{"digest": …, "ok": true, "message": …}`; the digest says which files it speaks of.
"""

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from syncd.core.errors import ReloadError
from syncd.reloads.base import tail

_PAUSE_S = 0.05
_MAX_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Result:
    digest: str
    ok: bool
    message: str


@dataclass(frozen=True, slots=True)
class ResultFile:
    """Waits up to `timeout_s` until the file at `path` speaks of the files whose digest `digest` returns."""

    what: str
    path: Path
    digest: Callable[[], str]
    timeout_s: float

    async def run(self) -> None:
        """Wait for the consumer's result.

        Raises:
            ReloadError: the consumer refused the files, or said nothing about them in time.
        """
        wanted = self.digest()
        try:
            async with asyncio.timeout(self.timeout_s):
                while True:
                    found = _read(self.path)
                    if found is not None and found.digest == wanted:
                        break
                    await asyncio.sleep(_PAUSE_S)
        except TimeoutError as error:
            raise ReloadError(f"{self.what} failed: {self._missing()}") from error
        if not found.ok:
            raise ReloadError(f"{self.what} failed: the consumer refused the files{tail(found.message.encode())}")

    def _missing(self) -> str:
        words = f"no result for these files in {self.path} within {self.timeout_s:g} s"
        if not self.path.exists():
            return f"{words}: it is not there; does the consumer run, and write to this folder?"
        if _read(self.path) is None:
            return f"{words}: it holds no {{digest, ok, message}}; see what the consumer writes"
        return f"{words}: it speaks of other files; does the consumer see these, and no others?"


def _read(path: Path) -> _Result | None:
    """Return the result that a file holds, None where there is none yet, or not yet a whole one."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            text = os.read(descriptor, _MAX_BYTES).decode(errors="replace")
        finally:
            os.close(descriptor)
        held = json.loads(text, strict=False)  # a shell loop's message holds line breaks as they are
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(held, dict):
        return None
    digest, ok, message = held.get("digest"), held.get("ok"), held.get("message", "")
    if not isinstance(digest, str) or not isinstance(ok, bool) or not isinstance(message, str):
        return None
    return _Result(digest, ok, message)
