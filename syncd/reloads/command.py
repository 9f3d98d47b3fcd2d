"""Check or reload by a command: argv without a shell, clean environment, own process group, bounded in time."""

import asyncio
import os
import signal
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from syncd.core.errors import ReloadError
from syncd.reloads.base import TAIL_BYTES, tail

_KEPT_VARIABLES = ("PATH", "HOME", "LANG")
_GRACE_S = 1.0


def clean_environment(env: Mapping[str, str], named: Sequence[str]) -> dict[str, str]:
    """Return what a child may see: PATH, HOME, LANG and the variables named, where they are set."""
    return {name: env[name] for name in (*_KEPT_VARIABLES, *named) if name in env}


@dataclass(frozen=True, slots=True)
class CommandReload:
    """Runs `argv` in `cwd`; `what` is how errors call it, such as `check of nginx`."""

    what: str
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    timeout_s: float

    async def run(self) -> None:
        """Run the command to its end.

        The output goes to a nameless file and not to a pipe: a daemon that the command leaves behind would keep a pipe
        open, and we would wait for it.

        Raises:
            ReloadError: not found, not 0, or longer than `timeout_s`: then its whole process group is ended.
        """
        with tempfile.TemporaryFile() as output:
            try:
                process = await asyncio.create_subprocess_exec(
                    *self.argv,
                    cwd=self.cwd,
                    env=dict(self.env),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    process_group=0,
                )
            except OSError as error:
                raise ReloadError(f"{self.what}: cannot run '{self.argv[0]}' ({error.strerror})") from error
            code = await self._wait(process, output)
            if code:
                how = f"exit code {code}" if code > 0 else f"signal {_signal_name(-code)}"
                raise ReloadError(f"{self.what} failed ({how}){_tail(output)}")

    async def _wait(self, process: asyncio.subprocess.Process, output: IO[bytes]) -> int:
        try:
            async with asyncio.timeout(self.timeout_s):
                return await process.wait()
        except TimeoutError as error:
            await _end_group(process)
            raise ReloadError(
                f"{self.what} took longer than {self.timeout_s:g} s and was ended; raise its timeout{_tail(output)}"
            ) from error
        except asyncio.CancelledError:
            await asyncio.shield(_end_group(process))
            raise


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return str(number)


async def _end_group(process: asyncio.subprocess.Process) -> None:
    """End a process and all it started: politely, then for good."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            async with asyncio.timeout(_GRACE_S):
                await process.wait()
        except TimeoutError:
            continue
    # The leader may be gone while a child that ignored SIGTERM is not.
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _tail(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - TAIL_BYTES))
    return tail(output.read())
