"""`syncd status --watch`: the status again and again, until a signal ends it."""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from syncd.cli import output
from syncd.core.errors import SyncdError
from syncd.core.printable import printable
from syncd.core.status import PauseStatus

_EVERY_S = 1.0
_PASSING = ("last_checked_at", "last_contact_at", "uptime_s", "index", "consul_index")
"""What moves without anything having happened."""

Document = dict[str, Any]


def watch(
    fetch: Callable[[], Document | None],
    lines: Callable[[Document], Iterable[str]],
    silence: Callable[[], str],
    *,
    as_json: bool,
) -> int:
    """Show the status each second until SIGINT or SIGTERM; return 0.

    On a terminal it is drawn in place. Elsewhere what a target, the source or readiness became is a line of its own,
    with the time; as JSON every status that differs from the one before it is a line.

    Args:
        fetch: asks the daemon; None where none answers.
        lines: makes text of a status.
        silence: gives what is said where no daemon answers.
    """
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stopping.set())

    def asked() -> tuple[Document | None, str]:
        try:
            document = fetch()
            return document, "" if document is not None else silence()
        except SyncdError as error:
            return None, str(error)

    if sys.stdout.isatty() and not as_json:
        _draw(asked, lines, stopping)
    else:
        with output.to_stdout():
            _append(asked, stopping, as_json=as_json)
    return 0


def _draw(
    asked: Callable[[], tuple[Document | None, str]],
    lines: Callable[[Document], Iterable[str]],
    stopping: threading.Event,
) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(highlight=False, no_color=bool(os.environ.get("NO_COLOR")))
    with Live(console=console, auto_refresh=False, screen=False) as live:
        while not stopping.is_set():
            document, silence = asked()
            shown = [silence] if document is None else _by_need(lines(_troubled_first(document)))
            text = Text("\n".join(_fitting([f"{_now()}  (Ctrl-C ends it)", *map(printable, shown)], *console.size)))
            live.update(text, refresh=True)
            stopping.wait(_EVERY_S)


def _troubled_first(document: Document) -> Document:
    """Return a status with the targets first that are not in sync."""
    return {**document, "targets": sorted(document["targets"], key=lambda one: one["state"] == "in_sync")}


def _by_need(lines: Iterable[str]) -> list[str]:
    """Return the lines of a status with the last one, whether it is ready, as the first."""
    *others, ready = lines
    return [ready, *others]


def _fitting(lines: list[str], columns: int, rows: int) -> list[str]:
    """Return the lines that a screen takes, and how many there are beside them: it can be drawn over only as a whole."""
    left = rows - 1  # where the cursor stands below
    heights = [max(1, -(-cell_len(line) // columns)) for line in lines]
    if sum(heights) <= left:
        return lines
    kept = 0
    while kept < len(lines) and sum(heights[: kept + 1]) < left:
        kept += 1
    return [*lines[:kept], f"… and {len(lines) - kept} more lines: syncd status"[:columns]]


def _append(asked: Callable[[], tuple[Document | None, str]], stopping: threading.Event, *, as_json: bool) -> None:
    before: object = None
    said: dict[str, str] = {}
    while not stopping.is_set():
        document, silence = asked()
        if as_json:
            if document is not None and (now := _lasting(document)) != before:
                before = now
                print(json.dumps(document, ensure_ascii=False), flush=True)
        else:
            facts = {"daemon": silence} if document is None else _facts(document)
            for name, words in facts.items():
                if said.get(name) != words:
                    print(printable(f"{_now()}  {name}: {words}"), flush=True)
            said = facts
        stopping.wait(_EVERY_S)


def _facts(document: Document) -> dict[str, str]:
    """Return what is said of the source, the lock, the config, a pause, each target and all, by name."""
    source, lock, config, paused = (document.get(name) for name in ("source", "lock", "config", "paused"))
    facts = {"source": _with_why(source["state"], _some(source["error"]))} if source else {}
    if lock:
        holder = "this instance" if lock["leading"] else lock["holder"] or "nobody"
        facts["lock"] = _with_why(f"held by {holder}", _some(lock["error"]))
    if config:
        facts[config["file"]] = _with_why("was changed and is not in use", [config["error"]]) if config["error"] else "in use"
    facts["pause"] = PauseStatus(paused["since"], paused["why"]).words() if paused else "nothing is paused as a whole"
    for one in document["targets"]:
        facts[one["name"]] = _with_why(one["state"], one["reasons"])
    return {**facts, "daemon": "ready" if document["ready"] else "not ready"}


def _some(error: str | None) -> list[str]:
    return [error] if error else []


def _with_why(state: str, reasons: list[str]) -> str:
    return f"{state}: {'; '.join(reasons)}" if reasons else str(state)


def _lasting(value: object) -> object:
    """Return a status without what moves by itself."""
    if isinstance(value, dict):
        return {key: _lasting(one) for key, one in value.items() if key not in _PASSING}
    return [_lasting(one) for one in value] if isinstance(value, list) else value


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
