"""Runs syncd with a protection taken out, to see a fault do its harm: `python -m … NAME ARGS…`; `A+B` takes out both.

Product code knows nothing of this. A test that stays green without the protection proves nothing.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from syncd.cli.main import main
from syncd.consul import answers, transport, watch
from syncd.consul.answers import Pair, Reply
from syncd.consul.budget import Path
from syncd.consul.credentials import Token
from syncd.consul.failures import Unreachable
from syncd.consul.transport import Answer
from syncd.core.model import Plan, Presence
from syncd.engine import planning
from syncd.engine.daemon import last_good, worker
from syncd.sources import live, watches
from tests.faults.input.unprotected import PROTECTIONS as OF_INPUT
from tests.faults.security.unprotected import PROTECTIONS as OF_NETWORK
from tests.faults.support.hour import an_hour
from tests.faults.target.unprotected import PROTECTIONS as OF_TARGETS

_pairs = msgspec.json.Decoder(list[Pair])


def no_guard() -> None:
    """What a read does not show is gone: nothing is asked for again."""

    async def guarded(plan: Plan, *_: object, **__: object) -> Plan:
        return plan

    async def confirm(_self: object, keys: Sequence[str]) -> Mapping[str, Presence]:
        return dict.fromkeys(keys, Presence.GONE)

    planning.guarded = guarded
    live.LiveSource.confirm = confirm  # type: ignore[method-assign]


def credulous() -> None:
    """Any answer is Consul's: what is no list of pairs is an empty one, and so is none. Nothing is asked for again."""
    original = transport.HTTPClient._request

    async def request(self: Any, method: str, path: str, *more: Any) -> Answer:
        try:
            return await original(self, method, path, *more)
        except Unreachable:
            return Answer(404, {"X-Consul-Index": "1"}, b"", path, self.label)

    def pairs(answer: Answer) -> list[Pair]:
        try:
            return _pairs.decode(answer.body) or []
        except msgspec.DecodeError:
            return []

    def index(answer: Answer) -> int:
        text = answer.headers.get("X-Consul-Index", "")
        return int(text) if text.isdecimal() and len(text) < 19 else 1

    def many(answer: Answer, folder: str) -> Reply[list[Pair]]:
        return Reply(200, index(answer), answer.headers, [one for one in pairs(answer) if one.key.startswith(folder)])

    def one(answer: Answer, key: str) -> Reply[Pair | None]:
        found = next((one for one in pairs(answer) if one.key == key), None)
        return Reply(200, index(answer), answer.headers, found)

    answers.many_pairs, answers.one_pair = many, one
    transport.HTTPClient._request = request  # type: ignore[method-assign]
    no_guard()


def empties_the_token() -> None:
    """An empty token file is no token."""

    def read(self: Any) -> str:
        return self._file.read_text().strip() if self._file is not None else self._value

    Token.read = read  # type: ignore[method-assign]


def only_forward() -> None:
    """A watch asks for what is newer than the highest index that it ever saw."""
    original, highest = watches.Watches._ask, dict[Path, int]()

    async def ask(self: Any, path: Path, index: int | None, soon: bool) -> Reply[Any]:
        reply = await original(self, path, highest.get(path, index), soon)
        highest[path] = max(highest.get(path, 0), reply.index)
        return reply

    watches.Watches._ask = ask  # type: ignore[method-assign]


def lock_step() -> None:
    """Everybody who lost the connection waits equally long."""
    watch.random = _Steady()  # type: ignore[attr-defined]


class _Steady(random.Random):
    def uniform(self, a: float, b: float) -> float:
        return b


def patient() -> None:
    """A query that is never answered is waited for, for ever."""
    transport.deadline_s = lambda _params: 3600.0


def no_full_reading() -> None:
    """Watches are all that there is after the start."""

    async def refresh(_self: object) -> None:
        return None

    live.LiveSource.refresh = refresh  # type: ignore[method-assign]


def stale_reads() -> None:
    """Any server may answer, whatever it has replayed so far, without a pause, and nothing is asked for again."""

    async def get(self: Any, callback: object, path: str, params: Any = None, headers: object = None) -> Answer:
        stale = [("stale", "1"), *(pair for pair in params or () if pair[0] != "consistent")]
        return await self._request("GET", path, stale, None)  # type: ignore[no-any-return]

    transport.HTTPClient.get = get  # type: ignore[method-assign]
    watch.LONGEST_PAUSE_S = 0.01
    no_guard()


def no_last_good() -> None:
    """Nothing stands in for a source that was never reached."""
    last_good.LastGood.load = lambda _self: None  # type: ignore[method-assign]


def forgets_to_mark() -> None:
    """A last known good that is behind is taken for the newest."""
    worker.not_older = lambda plan, _written: plan  # type: ignore[assignment]


def leaks() -> None:
    """Each pass keeps a file open and two megabytes."""
    original, kept = worker.Worker._pass, list[object]()

    async def leaky(self: Any) -> None:
        kept.extend((os.open(os.devnull, os.O_RDONLY), os.urandom(2_000_000)))
        await original(self)

    worker.Worker._pass = leaky  # type: ignore[method-assign]


def unbounded() -> None:
    """One connection for each path."""
    from syncd.engine.daemon import sources

    sources.CONNECTIONS = 1000


PROTECTIONS: dict[str, Callable[[], None]] = {**OF_TARGETS, **OF_INPUT, **OF_NETWORK} | {
    one.__name__: one
    for one in (
        no_guard,
        credulous,
        empties_the_token,
        only_forward,
        lock_step,
        patient,
        no_full_reading,
        stale_reads,
        no_last_good,
        forgets_to_mark,
        leaks,
        unbounded,
        an_hour,
    )
}


if __name__ == "__main__":
    for name in sys.argv[1].split("+"):
        PROTECTIONS[name]()
    sys.argv = ["syncd", *sys.argv[2:]]
    sys.exit(main())
