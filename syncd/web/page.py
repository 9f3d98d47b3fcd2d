"""The status page: HTML from the status, whole and by regions. No I/O after the start, no clock."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import islice

from jinja2 import Environment, PackageLoader, StrictUndefined

from syncd.core.history.lines import became
from syncd.core.history.model import HistoryEntry
from syncd.core.report.lines import Line
from syncd.core.status import Status, TargetStatus
from syncd.web import words

_SHOWN_KEYS = 10
"""More missing keys than that are folded up."""
SHOWN_LINES = 2_000
"""Of a plan or a change; more of them would keep the event loop, and few browsers like them."""


def layout(status: Status) -> str:
    """Return what stays the same as long as a page that is open can be kept up to date by regions."""
    shape = [status.version, status.lock is not None, *(one.name for one in status.targets)]
    return hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:16]


def regions(status: Status, history: Sequence[HistoryEntry], now: float) -> dict[str, str]:
    """Return element id -> inner HTML of all that may change; `now` and all times are seconds since the epoch."""
    view = _templates()
    found = {
        "remarks": view.get_template("remarks.html").render(status=status),
        "changes": view.get_template("changes.html").render(
            history=history, said={one.id: became(one) for one in history}
        ),
        "overview": view.get_template("overview.html").render(
            status=status,
            title=words.title(status, now),
            ready=not status.not_ready(now),
            waiting=[
                (place, status.targets[place], _state(status, place, now)) for place in words.waiting(status, now)
            ],
            source_is_fresh=status.source_is_fresh(now),
        ),
        "source": view.get_template("source.html").render(
            status=status, source=status.source, fresh=status.source_is_fresh(now), state=words.SOURCE
        ),
    }
    for place, target in enumerate(status.targets):
        found[f"target-{place}"] = view.get_template("target.html").render(
            target=target,
            place=place,
            state=_state(status, place, now),
            reasons=_reasons(target),
            fresh=status.target_is_fresh(target, now),
            limit_s=status.freshness.target_s,
            role=words.ROLE,
            shown=_SHOWN_KEYS,
        )
    return found


def whole(status: Status, history: Sequence[HistoryEntry], now: float) -> str:
    """Return the page as it is at `now`; without JavaScript it is complete, and stays as it is."""
    return (
        _templates()
        .get_template("page.html")
        .render(
            status=status,
            now=now,
            layout=layout(status),
            title=words.title(status, now),
            regions=regions(status, history, now),
        )
    )


def alone(title: str, lines: Iterable[Line], command: str) -> str:
    """Return a page that shows a plan or a change, as the commands print it.

    Args:
        command: shows all of it, where the page does not.
    """
    rest = iter(lines)
    shown = list(islice(rest, SHOWN_LINES))
    if more := sum(1 for _ in rest):
        shown.append(Line(f"… and {words.counted(more, 'line')} more; {command} shows them all", "dim"))
    return _templates().get_template("alone.html").render(title=title, label=title, lines=shown)


def _state(status: Status, place: int, now: float) -> Mapping[str, str]:
    """Return a target's state as the page shows it: the CSS class, the name, and what it means."""
    target = status.targets[place]
    stale = target.state == "in_sync" and not status.target_is_fresh(target, now)
    name, meaning = words.STALE if stale else words.STATE[target.state]
    return {"class": "stale" if stale else target.state, "name": name, "meaning": meaning}


def _reasons(target: TargetStatus) -> list[str]:
    """Return the reasons without those that the page says by itself, as the list of missing keys."""
    said = {f"key '{key}' has no value" for key in target.missing_keys}
    return [reason for reason in target.reasons if reason not in said]


@cache
def _templates() -> Environment:
    """Return our templates; every value is escaped, for names and errors hold what others wrote."""
    found = Environment(
        loader=PackageLoader("syncd.web", "views"),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(utc=words.utc, iso=words.iso, counted=words.counted, span=words.span)
    return found
