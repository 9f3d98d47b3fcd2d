"""One writer: asks for the lock in Consul, keeps it, and says by a lease whether this instance may write.

A lease ends `LEASE_S` after the last successful renewal was *asked for*; the session lives for `TTL_S` or longer after
that moment. So the lease is over before anybody else can get the lock, whatever stops this process or cuts it off from
Consul; and where the session is ended by hand, the lock delay outlasts the lease.
"""

import asyncio
import contextlib
import os
import random
import socket
from collections.abc import Callable

import structlog

from syncd.consul.failures import Unreachable
from syncd.consul.lock import LOCK_DELAY_S, TTL_S, Lock, Seen
from syncd.core.errors import SyncdError
from syncd.core.status import LockStatus
from syncd.engine.lease import Lease, now_s
from syncd.engine.setup import Setup
from syncd.engine.sources import consul_settings

LEASE_S = TTL_S - 2.0
RENEW_S = 2.5
"""Between two renewals, and how long one may take: a lost one can be repeated within the lease."""
LOOK_S = 10.0
"""How long a follower's question waits for the lock to change."""
_IDLE_S = 1.0
_FAREWELL_S = 1.0
_log = structlog.get_logger()


def leadership_of(setup: Setup, command: str, on_change: Callable[[], None] = lambda: None) -> "Leadership | None":
    """Return what keeps the lock of `consul.lock_key`, None where the config names none; nothing is connected yet.

    Raises:
        ConfigError: the token or a certificate cannot be used.
    """
    key = setup.config.consul.lock_key
    if key is None:
        return None
    settings = consul_settings(setup)
    who = f"syncd {command} on {socket.gethostname()} (pid {os.getpid()})"
    return Leadership(Lock(settings, settings.prefix + key), f"syncd {setup.config.owner}", who, on_change)


class Leadership:
    """The way to the lock and the keeping of it.

    Args:
        who: what others read about us in the lock's value.
        on_change: told, in the event loop, when the right to write was got or lost.
    """

    def __init__(self, lock: Lock, name: str, who: str, on_change: Callable[[], None]) -> None:
        self.lease = Lease()
        self.trouble: SyncdError | None = None
        """Why Consul could not be asked last time."""
        self.asked = asyncio.Event()
        """Set whenever Consul was asked, with whatever result."""
        self._lock = lock
        self._name = name
        self._who = who
        self._on_change = on_change
        self._session: str | None = None
        self._leading = False
        self._seen: Seen | None = None

    @property
    def status(self) -> LockStatus:
        """The lock as it is now."""
        leading = self.lease.held
        holder = self._who if leading else self._seen.holder if self._seen and self._seen.session else None
        return LockStatus(self._lock.key, leading, holder, str(self.trouble) if self.trouble else None)

    async def run(self) -> None:
        """Ask for the lock, and keep it, until cancelled."""
        while True:
            try:
                pause_s = await (self._keep(self._session) if self._session and self._leading else self._ask())
                self.trouble = None
            except SyncdError as error:
                pause_s = self._troubled(error)
            self.asked.set()
            await asyncio.sleep(pause_s)

    async def close(self) -> None:
        """Let go of the lock, so that another may take it at once; `run` must have ended.

        Where a target was sent something and has not answered, the lock delay keeps others away: it may still do it.
        """
        if self._session is not None:
            with contextlib.suppress(SyncdError, TimeoutError):
                async with asyncio.timeout(_FAREWELL_S):
                    if self._leading and not self.lease.unanswered:
                        await self._lock.release(self._session, self._who)
                    await self._lock.end(self._session)
        self.lease.end("this instance is ending")
        await self._lock.close()

    async def _keep(self, session: str) -> float:
        """Renew the session and see that the lock is ours; return how long to wait."""
        asked_at = now_s()
        try:
            async with asyncio.timeout(RENEW_S):
                alive = await self._lock.renew(session)
                seen = await self._lock.seen()
        except TimeoutError as error:
            raise Unreachable(self._lock.label, f"did not answer within {RENEW_S:g} s") from error
        if alive and seen.session == session:
            ran_out = not self.lease.held
            self.lease.prolong(asked_at + LEASE_S)
            if ran_out:
                self._on_change()
            return RENEW_S
        self._leading = False
        self._session = session if alive else None
        self._seen = None
        self.lease.end("this instance lost the lock")
        _log.warning("lock_lost", lock=self._lock.key, session_ended=not alive)
        self._on_change()
        return 0.0

    async def _ask(self) -> float:
        """Take the lock if it is free, else wait until it changes; return how long to wait then."""
        before = self._seen
        held = before is not None and bool(before.session)
        seen = await self._lock.seen(after=before.index if before and held else None, wait_s=LOOK_S)
        if seen.session and seen.session != self._session:
            return self._follow(before, seen)
        asked_at = now_s()
        if self._session is None or not await self._lock.renew(self._session):
            self._session = await self._lock.open(self._name)
        if not await self._lock.take(self._session, self._who):
            self._seen = None
            self.lease.why_not = (
                f"nobody has the lock: its last holder ended without releasing it, and Consul gives it to nobody "
                f"for {LOCK_DELAY_S} s"
            )
            return _IDLE_S
        self._leading, self._seen = True, None
        self.lease.begin(asked_at + LEASE_S)
        self.lease.why_not = f"the lock could not be renewed for {LEASE_S:g} s"
        _log.info("leading", lock=self._lock.key)
        self._on_change()
        return RENEW_S

    def _follow(self, before: Seen | None, seen: Seen) -> float:
        """Note who holds the lock; return how long to wait: a while where the question was not worth it."""
        self._seen = seen
        self.lease.why_not = f"another instance writes ({seen.holder or 'it does not say who it is'})"
        if before is not None and before.session == seen.session:
            return _IDLE_S
        _log.info("following", lock=self._lock.key, leader=seen.holder)
        return 0.0

    def _troubled(self, error: SyncdError) -> float:
        """Note why Consul could not be asked; return how long to wait, not in step with others."""
        if str(error) != str(self.trouble):
            _log.warning("lock_unavailable", lock=self._lock.key, leading=self.lease.held, error=str(error))
        self.trouble = error
        if self._leading:
            return 0.5
        if self.lease.term == 0 and self._seen is None:
            self.lease.why_not = f"this instance has not got the lock: {error}"
        return random.uniform(_IDLE_S, 3 * _IDLE_S)  # noqa: S311 - spread, not secrecy
