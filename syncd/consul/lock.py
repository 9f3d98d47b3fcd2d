"""A lock on one key: a session with a time to live, and the key that it holds.

The lock is advisory: it stops nobody who does not ask for it. Consul ends a session that was not renewed after one to
two times its TTL, and then gives the key to nobody before the lock delay is over.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from syncd.consul import answers
from syncd.consul.answers import Pair
from syncd.consul.failures import PermissionDenied
from syncd.consul.settings import Settings
from syncd.consul.transport import Answer, Api

TTL_S = 10
"""The shortest that Consul takes."""
LOCK_DELAY_S = 15
"""So long nobody gets the lock of a session that ended without releasing it; a release by the holder has no delay."""
CONNECTIONS = 1
_MAX_WORDS = 200


class _Held(Pair, frozen=True, gc=False):
    session: str = msgspec.field(name="Session", default="")


class _Made(msgspec.Struct):
    id: str = msgspec.field(name="ID")


_entries = msgspec.json.Decoder(list[_Held])
_made = msgspec.json.Decoder(_Made)
_yes = msgspec.json.Decoder(bool)


@dataclass(frozen=True, slots=True)
class Seen:
    """The lock at one moment: the session that holds it ("" for none), and what its last holder said of itself."""

    session: str
    holder: str
    index: int


class Lock:
    """The lock on one absolute key. One call at a time; every call raises as `Client`.

    PermissionDenied names the rights that a lock needs.
    """

    def __init__(self, settings: Settings, key: str) -> None:
        self.key = key
        self._api = Api(settings, connections=CONNECTIONS)

    @property
    def label(self) -> str:
        """The address, for messages."""
        label: str = self._api.http.label
        return label

    async def open(self, name: str) -> str:
        """Return a new session; it begins to live when this is asked for, not when it is answered."""
        # No checks: its TTL alone ends it. With the usual one, of the agent's node, a flapping node would end it too.
        answer: Answer = await self._api.session.create(name, checks=[], ttl=TTL_S, lock_delay=LOCK_DELAY_S)
        return answers.decoded(self._accepted(answer), _made).id

    async def renew(self, session: str) -> bool:
        """Give a session its full TTL again; False where it has ended."""
        answer: Answer = await self._api.session.renew(session)
        if answer.status == 404:
            return False
        self._accepted(answer)
        return True

    async def end(self, session: str) -> None:
        """End a session; a lock that it still holds is free after the lock delay."""
        self._accepted(await self._api.session.destroy(session))

    async def take(self, session: str, holder: str) -> bool:
        """Take the lock, or keep it; False where another session holds it, or its delay is not over."""
        return await self._put(holder, acquire=session)

    async def release(self, session: str, holder: str) -> bool:
        """Let go of the lock: the next one may take it at once. False where the session does not hold it."""
        return await self._put(holder, release=session)

    async def seen(self, *, after: int | None = None, wait_s: float = 0.0) -> Seen:
        """Return the lock as it is now, or as soon as it changes after an index, at the latest after `wait_s`."""
        wait = None if after is None else f"{round(wait_s * 1000)}ms"
        answer: Answer = await self._api.kv.get(self.key, index=after, wait=wait)
        if answer.status == 403:
            self._accepted(answer)
        index = answers.believable(answer, missing=True)
        if answer.status == 404:
            return Seen("", "", index)
        entries = answers.decoded(answer, _entries)
        if len(entries) != 1 or entries[0].key != self.key:
            raise answers.odd(answer, f"{len(entries)} keys where it was asked for one")
        return Seen(entries[0].session, _words(entries[0].value), index)

    async def close(self) -> None:
        """Close the connection."""
        await self._api.http.close()

    async def _put(self, holder: str, **how: str) -> bool:
        put: Any = self._api.kv.put
        return answers.decoded(self._accepted(await put(self.key, holder, **how)), _yes)

    def _accepted(self, answer: Answer) -> Answer:
        if answer.status == 200:
            return answer
        if answer.status == 403 and b"ACL not found" not in answer.body:
            raise PermissionDenied(
                f"Consul at {self.label} denies the lock {self.key}: the token needs write on this key, "
                'and session write on the agent\'s node (session_prefix "" { policy = "write" })'
            )
        answers.refuse(answer)


def _words(value: bytes | None) -> str:
    """Return what a holder wrote about itself as one printable line; the key may hold anything."""
    text = (value or b"").decode("utf-8", "replace")[:_MAX_WORDS]
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()
