"""The history as JSON types. Pure."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from syncd.core.history.model import HistoryDetail, HistoryEntry


def document(entry: HistoryEntry) -> dict[str, Any]:
    """Return one entry; `at` is ISO 8601 in UTC."""
    return {
        "id": entry.id,
        "at": datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="milliseconds"),
        "target": entry.target,
        "kind": entry.kind,
        "outcome": entry.outcome,
        "consul_index": entry.consul_index,
        "counts": dict(entry.counts),
        "rolled_back_to": entry.rolled_back_to,
        "error": entry.error,
        "content_kept": entry.why_no_way_back is None,
        "why_no_way_back": entry.why_no_way_back,
    }


def detail_document(detail: HistoryDetail) -> dict[str, Any]:
    """Return one entry with its changes and its diff."""
    return {
        **document(detail.entry),
        "changes": [asdict(change) for change in detail.changes],
        "diff": detail.diff,
    }
