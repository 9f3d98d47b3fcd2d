"""Who is to be told of which states: from what the daemon says of itself to notices, each told once. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from syncd.core.reasons import bare
from syncd.core.status import Status, TargetStatus

Event = Literal["failed", "held", "unsafe", "recovered"]
EVENTS: tuple[Event, ...] = ("failed", "held", "unsafe", "recovered")
CONFIG = ""
"""Stands for the config file, where a target's name would: no target has it."""
LONGEST_REASON = 2_000
"""Characters; what takes messages often refuses long ones."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is told, and how soon.

    `after_s` is how long a state must last. Of one target no more than one state that is not well is told in
    `min_interval_s`.
    """

    on: Collection[Event]
    after_s: float
    min_interval_s: float


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell: what happened to which targets (or to `CONFIG`), why, and since when (seconds)."""

    event: Event
    names: tuple[str, ...]
    reason: str
    since: float

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets among its names."""
        return tuple(name for name in self.names if name != CONFIG)

    def about(self, names: Collection[str]) -> "Notice":
        """Return the same of some of its names only."""
        return replace(self, names=tuple(name for name in self.names if name in names))


@dataclass(frozen=True, slots=True)
class _Seen:
    event: Event
    since: float


class Notices:
    """Remembers what was told. Times, `since` of its notices too, are seconds of a clock that nobody sets."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._told: dict[str, tuple[Event, str | None]] = {}
        self._troubled_at: dict[str, float] = {}

    def look(self, status: Status, now: float, rules: Rules) -> list[Notice]:
        """Return what is to be told now; targets that share event and reason share a notice."""
        states = dict(_states(status))
        for known in (self._seen, self._told, self._troubled_at):
            for name in known.keys() - states.keys():
                del known[name]
        shared: dict[tuple[Event, str], dict[str, float]] = {}
        for name, (event, reason) in states.items():
            if event is None:
                self._seen.pop(name, None)
            elif self._is_news(name, event, reason, now, rules):
                group = "" if name != CONFIG else "config"
                shared.setdefault((event, group + reason), {})[name] = self._seen[name].since
        return [_notice(event, states, since) for (event, _), since in shared.items()]

    def still(self, notice: Notice, status: Status) -> Notice:
        """Return what of a notice that waits to be sent is still so.

        Of the rest it is open what anybody has heard: a trouble that comes back is told anew, and its end is told too.
        """
        events = {name: event for name, (event, _) in _states(status)}
        so = [name for name in notice.names if name in events and events[name] in (notice.event, None)]
        for name in set(notice.names).difference(so):
            self._told[name] = (notice.event, None)
            if notice.event != "recovered":
                self._troubled_at.pop(name, None)
        return notice.about(so)

    def _is_news(self, name: str, event: Event, reason: str, now: float, rules: Rules) -> bool:
        """Return whether a state is to be told now, and remember that it was."""
        seen = self._seen.get(name)
        if seen is None or seen.event != event:
            seen = self._seen[name] = _Seen(event, now)
        if now - seen.since < rules.after_s:
            return False
        if event == "recovered":
            return self._told.pop(name, None) is not None and event in rules.on
        mark = (event, bare(reason))  # a reason that counts seconds is no other reason each time
        if event not in rules.on or self._told.get(name) == mark:
            return False
        if now - self._troubled_at.get(name, float("-inf")) < rules.min_interval_s:
            return False
        self._told[name], self._troubled_at[name] = mark, now
        return True


def message(notice: Notice, about: Mapping[str, str]) -> dict[str, str]:
    """Return what a message says; its names are those that a body may use.

    Args:
        about: what all messages of this daemon say: owner, environment, config, host.
    """
    target = ", ".join(notice.targets)
    reason = notice.reason[:LONGEST_REASON]
    subject = target or f"the config file {about['config']}"
    happened = {"recovered": "is in sync again" if target else "is in use"}.get(notice.event, notice.event)
    if not target and notice.event == "failed":
        happened = "is refused, the one before stays in use"
    return {
        "event": notice.event,
        "target": target,
        "reason": reason,
        "since": datetime.fromtimestamp(notice.since, UTC).isoformat(timespec="seconds"),
        "text": f"syncd {about['owner']}: {subject}: {happened}" + (f": {reason}" if reason else ""),
        **about,
    }


SAMPLE = message(
    Notice("failed", ("edge",), "why", 0.0), {"owner": "me", "environment": "", "config": "config.yaml", "host": "here"}
)
"""A message as a body may meet it."""


def _notice(event: Event, states: Mapping[str, tuple[Event | None, str]], since: Mapping[str, float]) -> Notice:
    names = tuple(since)
    return Notice(event, names, states[names[0]][1], min(since.values()))


def _states(status: Status) -> Iterator[tuple[str, tuple[Event | None, str]]]:
    """Yield each target, and the config file, with what may be told of it; None for what is on its way."""
    for one in status.targets:
        event = _event(one)
        yield one.name, (event, "" if event == "recovered" else "; ".join(one.reasons) or one.last_error or "")
    if status.config is not None:
        error = status.config.error
        yield CONFIG, ("recovered" if error is None else "failed", error or "")


def _event(target: TargetStatus) -> Event | None:
    if target.state == "in_sync":
        return "recovered"
    if target.state in ("failed", "held", "unsafe"):
        return target.state
    # What was never compared because nothing could be read is pending, and nobody would hear of it.
    stuck = target.state == "pending" and target.last_checked_at is None and target.last_error is not None
    return "failed" if stuck else None
