"""Reload by a signal to a process that is found by its pid file or its name."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from syncd.core.errors import ReloadError

_PROC = Path("/proc")
_LONGEST_PID = 7
"""Digits: the kernel's largest process id is 4194304."""


@dataclass(frozen=True, slots=True)
class SignalReload:
    """Sends `number` to the process in `pid_file`, or to every process called `process` whose parent is not."""

    what: str
    number: signal.Signals
    pid_file: Path | None = None
    process: str | None = None

    async def run(self) -> None:
        """Send the signal once.

        Raises:
            ReloadError: no such process, or no right to signal it.
        """
        for pid in self._pids():
            try:
                os.kill(pid, self.number)
            except ProcessLookupError as error:
                raise ReloadError(f"{self.what} failed: process {pid} is not running; start it") from error
            except PermissionError as error:
                raise ReloadError(
                    f"{self.what} failed: no right to signal process {pid}; run syncd as its user or as root"
                ) from error

    def _pids(self) -> list[int]:
        if self.pid_file is not None:
            return [_read_pid(self.what, self.pid_file)]
        found = {pid: parent for pid, name, parent in _processes() if name == (self.process or "")[:15]}
        leaders = sorted(pid for pid, parent in found.items() if parent not in found and pid != os.getpid())
        if not leaders:
            raise ReloadError(f"{self.what} failed: no process is called '{self.process}'; start it")
        return leaders


def _read_pid(what: str, path: Path) -> int:
    try:
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        raise ReloadError(
            f"{what} failed: {path} cannot be read ({error.strerror}); is the process running?"
        ) from error
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_PID) or int(text) < 1:
        raise ReloadError(f"{what} failed: {path} holds no process id")
    return int(text)


def _processes() -> list[tuple[int, str, int]]:
    """Return (pid, name as the kernel keeps it: 15 characters, parent pid) of every process."""
    found = []
    for folder in _PROC.iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            stat = (folder / "stat").read_text(errors="replace")
        except OSError:
            continue
        # `pid (name) state ppid …`, and the name may itself hold brackets and spaces.
        name, _, rest = stat.partition("(")[2].rpartition(")")
        found.append((int(folder.name), name, int(rest.split()[1])))
    return found
