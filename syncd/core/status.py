"""What the daemon says of itself: frozen values that the engine makes and the web shows. Pure."""

from dataclasses import dataclass
from typing import Literal

from syncd.core.history.lines import when

SourceState = Literal["starting", "ok", "stale"]
Role = Literal["leader", "follower"]
TargetState = Literal["in_sync", "pending", "failed", "held", "unsafe", "paused"]


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """The source: `state` is `stale` where nothing confirmed it lately. Times are seconds since the epoch.

    `distrusted_since`: it answers since then, and what it answers cannot be believed. `last_good_at`: it was not
    reached since the start, and what it held then, the last known good, stands in for it. `errors` is how often asking
    it failed, `reconnects` how often a watch that had failed got an answer again.
    """

    state: SourceState = "starting"
    index: int = 0
    last_contact_at: float | None = None
    error: str | None = None
    connections: int = 0
    distrusted_since: float | None = None
    last_good_at: float | None = None
    errors: int = 0
    reconnects: int = 0


@dataclass(frozen=True, slots=True)
class LockStatus:
    """The lock that lets one instance write remote targets: its absolute key, and whether that instance is this one.

    `holder` is what the instance that writes says of itself, None where nobody is known to write; `error` says why
    Consul could not be asked.
    """

    key: str
    leading: bool
    holder: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """One target; `last_checked_at` is when it was last compared with what it should hold, `entries` how many it holds.

    `reasons` say why it is not in sync, in words. `role` says of a target that one instance writes whether it is this
    one; None where every instance writes its own.
    """

    name: str
    kind: str
    state: TargetState = "pending"
    last_applied_at: float | None = None
    last_checked_at: float | None = None
    consul_index: int = 0
    last_error: str | None = None
    next_retry_at: float | None = None
    missing_keys: tuple[str, ...] = ()
    entries: int = 0
    reasons: tuple[str, ...] = ()
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class ConfigStatus:
    """The config file, and since when it is in use, in seconds since the epoch.

    `error`: the file was changed since, and why what it says now is not in use.
    """

    file: str
    loaded_at: float
    error: str | None = None


@dataclass(frozen=True, slots=True)
class PauseStatus:
    """That everything is paused since then, in seconds since the epoch; `why` as somebody gave it, "" for no reason."""

    since: float
    why: str = ""

    def words(self) -> str:
        """Say since when and why, and how it goes on."""
        why = f": {self.why}" if self.why else ""
        return f"everything is paused since {when(self.since)}{why}; `syncd resume` lets it go on"


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old a confirmation may be, in seconds: of the source, and of a target."""

    source_s: float
    target_s: float


@dataclass(frozen=True, slots=True)
class Status:
    """Everything at one moment."""

    version: str
    started_at: float
    source: SourceStatus
    targets: tuple[TargetStatus, ...]
    freshness: Freshness
    lock: LockStatus | None = None
    config: ConfigStatus | None = None
    paused: PauseStatus | None = None

    def source_is_fresh(self, now: float) -> bool:
        """Return whether the source confirmed lately what we know of it."""
        contact = self.source.last_contact_at
        return contact is not None and now - contact <= self.freshness.source_s

    def target_is_fresh(self, target: TargetStatus, now: float) -> bool:
        """Return whether a target was compared lately with what it should hold."""
        checked = target.last_checked_at
        return checked is not None and now - checked <= self.freshness.target_s

    def remarks(self) -> list[str]:
        """Return what an operator should know and what keeps no target from being in sync, one sentence each."""
        found = [self.paused.words()] if self.paused is not None else []
        if self.config is not None and self.config.error is not None:
            found.append(f"{self.config.file} was changed and is not in use: {self.config.error}")
        return found

    def not_ready(self, now: float) -> list[str]:
        """Return why the daemon is not ready, one sentence each, nothing where it is."""
        reasons = []
        contact = self.source.last_contact_at
        if not self.source_is_fresh(now):
            age = "was never reached" if contact is None else f"was last heard of {now - contact:.0f} s ago"
            kept = self.source.last_good_at
            if kept is not None:
                age += f", the last known good of {now - kept:.0f} s ago stands in for it"
            why = f": {self.source.error}" if self.source.error else ""
            reasons.append(f"source: {self.source.state}: {age}{why}")
        for target in self.targets:
            if target.state != "in_sync":
                words = "; ".join(target.reasons) or target.last_error or "not compared yet"
                reasons.append(f"{target.name}: {target.state}: {words}")
            elif not self.target_is_fresh(target, now):
                reasons.append(f"{target.name}: not compared for longer than {self.freshness.target_s:.0f} s")
        return reasons
