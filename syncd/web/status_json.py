"""The status as the JSON of contract.md §6. Pure."""

from dataclasses import asdict
from typing import Any

from syncd.core.status import Status


def document(status: Status, now: float) -> dict[str, Any]:
    """Return the status as JSON types; `now` and all times are seconds since the epoch."""
    reasons = status.not_ready(now)
    return {
        "version": status.version,
        "uptime_s": round(now - status.started_at, 1),
        "ready": not reasons,
        "not_ready": reasons,
        "source": asdict(status.source),
        "lock": asdict(status.lock) if status.lock else None,
        "config": asdict(status.config) if status.config else None,
        "paused": asdict(status.paused) if status.paused else None,
        "targets": [asdict(target) for target in status.targets],
    }
