"""Sessions, their time to live, and the delay that a lost lock leaves behind. Time is handed in."""

import re
import uuid
from collections.abc import Callable

from syncd.dev.consul_server.durations import parse_ns, parse_s
from syncd.dev.consul_server.kv import KvStore
from syncd.dev.consul_server.records import Refused, Session
from syncd.dev.consul_server.requests import SessionWish
from syncd.dev.tables import Table, Tables

NODE_CHECK = "serfHealth"
MIN_TTL_S, MAX_TTL_S = 10, 86_400
GRACE = 2
"""A session ends when it was not renewed for this many times its TTL, as in Consul."""
DEFAULT_LOCK_DELAY_S, MAX_LOCK_DELAY_S = 15, 60
_NS = 10**9
_SHORT_DELAY = 1000  # a number below this is meant in seconds, else in nanoseconds
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Sessions:
    """All sessions. Deadlines are not kept on disk: after a restart each session has its full time again.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, tables: Tables, indexes: Table[int], kv: KvStore, clock: Callable[[], float]) -> None:
        self._rows = tables.make("sessions", Session)
        self._indexes = indexes
        self._kv = kv
        self._clock = clock
        self._deadlines: dict[str, float] = {}
        self._delays: dict[str, float] = {}

    @property
    def index(self) -> int:
        """Return the index of the last session that was made or ended."""
        return self._indexes.get("sessions") or 0

    def all(self) -> list[Session]:
        """Return all sessions."""
        return [session for _, session in self._rows.under()]

    def get(self, session_id: str) -> Session | None:
        """Return one session, None if there is none. Raises Refused (500) for what is no id."""
        if not _UUID.fullmatch(session_id):
            raise Refused(500, "failed session lookup: index error: UUID must be 36 characters")
        return self._rows.get(session_id)

    def create(self, index: int, node: str, wish: SessionWish) -> Session:
        """Make a session on `node`, the only one that may have sessions here.

        Raises:
            Refused: 400 for a bad lock delay, 500 for a bad TTL, behaviour, node or check.
        """
        checks = wish.node_checks or wish.checks or [NODE_CHECK]
        for check in checks:
            if check != NODE_CHECK:
                raise Refused(500, f"Missing check '{check}' registration")
        if (wish.node or node) != node:
            raise Refused(500, "Missing node registration")
        behavior = wish.behavior or "release"
        if behavior not in ("release", "delete"):
            raise Refused(500, f"Invalid Behavior setting '{behavior}'")
        ttl = wish.ttl or ""
        _ttl_s(ttl)
        session = Session(
            id=str(uuid.uuid4()),
            name=wish.name or "",
            node=node,
            lock_delay=_lock_delay_ns(wish.lock_delay),
            behavior=behavior,
            ttl=ttl,
            node_checks=tuple(checks),
            create_index=index,
            modify_index=index,
        )
        self._rows.put(session.id, session)
        self._indexes.put("sessions", index)
        self.renew(session)
        return session

    def renew(self, session: Session) -> None:
        """Give a session its full time again."""
        if ttl_s := _ttl_s(session.ttl):
            self._deadlines[session.id] = self._clock() + ttl_s * GRACE

    def renew_all(self) -> None:
        """Give every session its full time again: after a restart."""
        for session in self.all():
            self.renew(session)

    def holder(self, session_id: str) -> str:
        """Return the id where it names a living session. Raises Refused (500) where it does not."""
        if not session_id:
            raise Refused(500, "missing session")
        if self.get(session_id) is None:
            raise Refused(500, f'invalid session "{session_id}"')
        return session_id

    def delayed(self, key: str) -> bool:
        """Return whether nobody may lock this key yet, because a session that held it ended a short while ago."""
        return self._delays.get(key, 0) > self._clock()

    def destroy(self, index: int, session_id: str) -> None:
        """End a session: its keys are released or deleted, and cannot be locked again before its lock delay is over."""
        session = self.get(session_id)
        if session is None:
            return
        held = self._kv.held_by(session_id)
        until = self._clock() + min(session.lock_delay / _NS, MAX_LOCK_DELAY_S)
        self._delays |= {entry.key: until for entry in held}
        if session.behavior == "delete":
            for entry in held:
                self._kv.delete(index, entry.key)
        else:
            self._kv.release(index, held)
        self._rows.drop(session_id)
        self._indexes.put("sessions", index)
        self._deadlines.pop(session_id, None)

    def expired(self) -> list[str]:
        """Return the sessions whose time is over."""
        now = self._clock()
        return [session_id for session_id, deadline in self._deadlines.items() if deadline <= now]

    def next_deadline(self) -> float | None:
        """Return when the next session ends unless it is renewed, in seconds of the clock."""
        return min(self._deadlines.values(), default=None)


def _ttl_s(ttl: str) -> float:
    """Return the seconds of a TTL; 0 for a session that does not end by itself."""
    try:
        seconds = parse_s(ttl) if ttl else 0.0
    except ValueError as fault:
        raise Refused(500, f"Session TTL '{ttl}' invalid: {fault}") from fault
    if seconds and not MIN_TTL_S <= seconds <= MAX_TTL_S:
        raise Refused(500, f"Invalid Session TTL '{round(seconds * _NS)}', must be between [10s=24h0m0s]")
    return seconds


def _lock_delay_ns(wish: str | int | float | None) -> int:
    if wish is None:
        return DEFAULT_LOCK_DELAY_S * _NS
    if not isinstance(wish, str):
        return round(wish * _NS if wish < _SHORT_DELAY else wish)
    try:
        return parse_ns(wish)
    except ValueError as fault:
        raise Refused(400, f"Request decode failed: {fault}") from fault
