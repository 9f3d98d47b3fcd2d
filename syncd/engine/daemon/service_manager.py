"""What systemd is told of the daemon (sd_notify): ready, reloading, a line of status, alive, stopping."""

import asyncio
import contextlib
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping

from syncd.core.status import Status

LOOK_S = 1.0
_SOCKET, _WATCHDOG_US, _WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"


class ServiceManager:
    """The service manager that started us; where there is none, what it would be told goes nowhere.

    Source: sd_notify(3), "Notes": a datagram to the socket that NOTIFY_SOCKET names; `@` begins an abstract one.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._address = env.get(_SOCKET, "").replace("@", "\0", 1) if env.get(_SOCKET, "")[:1] in ("/", "@") else ""
        self._ready = False
        interval_us = env.get(_WATCHDOG_US, "")
        ours = env.get(_WATCHDOG_PID, str(os.getpid())) == str(os.getpid())
        self.alive_every_s = int(interval_us) / 2e6 if self._address and ours and interval_us.isdecimal() else None
        """How often it wants to hear that the event loop turns; None for never."""

    @property
    def listens(self) -> bool:
        """True where there is one."""
        return bool(self._address)

    def ready(self) -> None:
        """Say that the daemon runs, with the configuration it has."""
        if not self._ready:
            self._ready = True
            self._say("READY=1")

    def reloading(self) -> None:
        """Say that another configuration is being looked at; `ready` ends it."""
        self._ready = False
        self._say("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """Say that the daemon ends."""
        self._say("STOPPING=1")

    def status(self, text: str) -> None:
        """Give the line that `systemctl status` shows."""
        self._say(f"STATUS={text}")

    def alive(self) -> None:
        """Say that the event loop turns."""
        self._say("WATCHDOG=1")

    def _say(self, *lines: str) -> None:
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.connect(self._address)
            sender.send("\n".join(lines).encode())


async def keep_posted(manager: ServiceManager, status: Callable[[], Status]) -> None:
    """Tell the service manager that the daemon runs, and from then on how it is, until cancelled."""
    if not manager.listens:
        return
    manager.ready()
    pause_s = min(LOOK_S, manager.alive_every_s or LOOK_S)
    told = ""
    while True:
        text = summary(status())
        if text != told:
            manager.status(text)
            told = text
        if manager.alive_every_s is not None:
            manager.alive()
        await asyncio.sleep(pause_s)


def summary(status: Status) -> str:
    """Return one line: how many targets are in which state, and the source where something is wrong with it."""
    counts = Counter(target.state for target in status.targets)
    states = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.most_common())
    source = "" if status.source.state == "ok" else f"; source {status.source.state}"
    config = "; the changed config is not in use" if status.config is not None and status.config.error else ""
    return f"{len(status.targets)} targets: {states}{source}{config}"
