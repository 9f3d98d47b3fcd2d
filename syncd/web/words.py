"""The words of the status page: what a state means, and what changed between two moments. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from syncd.core.status import Role, SourceState, Status, TargetState

STATE: Mapping[TargetState, tuple[str, str]] = {
    "in_sync": ("In sync", "It holds what it should."),
    "pending": ("Pending", "It waits for its turn to be compared or changed."),
    "failed": ("Failed", "It could not be brought in line. syncd tries again by itself."),
    "held": ("Held", "The source cannot be trusted now, so it keeps what it has. syncd looks again by itself."),
    "unsafe": (
        "Unsafe",
        "The plan passes a limit, so nothing was changed. Look at `syncd plan`; then either stop the daemon and run "
        "`syncd once --force`, or change the limit.",
    ),
    "paused": ("Paused", "It stays as it is until somebody lets it go on: `syncd resume`."),
}
"""Each state: its name, and what it means for whoever reads it."""

STALE = ("In sync, not fresh", "It was in sync when it was last compared, which is too long ago to rely on.")
"""What is said of a target that is in sync, as far as is known, but was not compared lately."""

SOURCE: Mapping[SourceState, str] = {
    "starting": "Not reached yet",
    "ok": "Answers",
    "stale": "Does not answer as it should",
}

ROLE: Mapping[Role, str] = {"leader": "this instance", "follower": "another instance"}


def title(status: Status, now: float) -> str:
    """Return the daemon's state in one line."""
    count, total = len(waiting(status, now)), len(status.targets)
    if count:
        return f"Not ready: {count} of {counted(total, 'target')} {'is' if count == 1 else 'are'} not in sync"
    if not status.source_is_fresh(now):
        return "Not ready: the source does not answer"
    return f"Ready: {counted(total, 'target')} in sync"


def waiting(status: Status, now: float) -> Sequence[int]:
    """Return the places, from 0, of the targets that are not both in sync and fresh."""
    return [
        place
        for place, one in enumerate(status.targets)
        if one.state != "in_sync" or not status.target_is_fresh(one, now)
    ]


def announcement(before: Status, after: Status) -> str:
    """Return what a screen reader should say of the way from one status to the next, nothing where no state moved."""
    was = {one.name: one.state for one in before.targets}
    said = []
    if before.source.state != after.source.state:
        said.append(f"Source: {SOURCE[after.source.state].lower()}.")
    for one in after.targets:
        if was.get(one.name) not in (None, one.state):
            why = f": {one.reasons[0]}" if one.reasons and one.state != "in_sync" else ""
            said.append(f"{one.name}: {STATE[one.state][0].lower()}{why}.")
    return " ".join(said)


def counted(count: int, noun: str) -> str:
    """Return "1 target", "2 targets", "1 entry", "2 entries"."""
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count:,} {noun if count == 1 else plural}"


def span(seconds: float) -> str:
    """Return a length of time in its largest fitting unit: "90 s", "10 min", "2 h"."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def utc(at: float) -> str:
    """Return a time, in seconds since the epoch, as people read it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def iso(at: float) -> str:
    """Return a time, in seconds since the epoch, as machines read it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
