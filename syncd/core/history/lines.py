"""The history as lines of text with a style each. Pure."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from syncd.core.history.model import HistoryDetail, HistoryEntry
from syncd.core.model import Change, Plan
from syncd.core.report.lines import DONE, Line, change_lines

_HEAD = ("ID", "TIME", "TARGET", "OUTCOME", "CHANGES")


def list_lines(entries: Sequence[HistoryEntry]) -> Iterator[Line]:
    """Yield a table of entries, the newest first; what was refused or failed says why below."""
    if not entries:
        yield Line("nothing is in the history yet", "dim")
        return
    rows = [(str(one.id), when(one.at), one.target, _outcome(one), _counts(one)) for one in entries]
    widths = [max(len(row[at]) for row in (_HEAD, *rows)) for at in range(len(_HEAD))]
    yield Line(_row(_HEAD, widths), "title")
    for one, row in zip(entries, rows, strict=True):
        yield Line(_row(row, widths), "bad" if one.outcome in ("failed", "restored") else "plain")
        for text in (one.error or "").splitlines()[:1]:
            yield Line(f"{'':{widths[0]}}  ! {text}", "bad")
    for target in sorted({one.target for one in entries if one.sensitive}):
        yield Line(f"{target}: no content is kept, it holds sensitive values; it cannot be rolled back", "dim")


def detail_lines(detail: HistoryDetail) -> Iterator[Line]:
    """Yield one entry: what became of the target, and every change as it was applied."""
    entry = detail.entry
    yield Line(f"{entry.id}: {entry.target} ({entry.kind}): {became(entry)}", "title")
    index = f", Consul index {entry.consul_index}" if entry.consul_index else ""
    yield Line(f"  {when(entry.at)}{index}", "dim")
    for text in (entry.error or "").splitlines():
        yield Line(f"  ! {text}", "bad")
    if entry.why_no_way_back is not None:
        yield Line(f"  cannot be rolled back to: {entry.why_no_way_back}", "dim")
    changes = tuple(
        Change(one.op, one.key, one.old_digest, one.new_digest, one.old, one.new, one.sensitive, one.note)
        for one in detail.changes
    )
    yield from change_lines(Plan(entry.target, entry.kind, changes, diff=detail.diff))


def became(entry: HistoryEntry) -> str:
    """Return what became of a target, such as `applied: 1 created, 2 updated`."""
    return ": ".join(part for part in (_outcome(entry), _counts(entry)) if part)


def when(at: float) -> str:
    """Return a time such as `2026-01-31 03:00:00 UTC`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _outcome(entry: HistoryEntry) -> str:
    if entry.rolled_back_to is None:
        return entry.outcome
    done = "rolled back" if entry.outcome == "rolled_back" else f"{entry.outcome}, a rollback"
    return f"{done} to {entry.rolled_back_to}"


def _counts(entry: HistoryEntry) -> str:
    refused = " and put back" if entry.outcome == "restored" else ""
    return ", ".join(f"{entry.counts[op]} {word}{refused}" for op, word in DONE.items() if entry.counts.get(op))


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()
