"""`syncd status --watch`: the status again and again, until a signal ends it."""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

from syncd.cli import output
from syncd.core.errors import SyncdError
from syncd.core.printable import printable
from syncd.core.status import PauseStatus

_EVERY_S = 1.0
_PASSING = ("last_checked_at", "last_contact_at", "uptime_s", "index", "consul_index")
"""What moves without anything having happened."""

_IN_USE, _NOT_PAUSED = "in use", "nothing is paused as a whole"
_USUAL = (_IN_USE, _NOT_PAUSED)
"""What is said only after it was otherwise."""

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
            everything = [f"{_now()}  (Ctrl-C ends it)", *map(printable, shown)]
            heights = [len(Text(line).wrap(console, console.width)) for line in everything]
            live.update(Text("\n".join(_fitting(everything, heights, console.height))), refresh=True)
            stopping.wait(_EVERY_S)


def _troubled_first(document: Document) -> Document:
    """Return a status with the targets first that are not in sync."""
    return {**document, "targets": sorted(document["targets"], key=lambda one: one["state"] == "in_sync")}


def _by_need(lines: Iterable[str]) -> list[str]:
    """Return the lines of a status with the last one, whether it is ready, as the first."""
    *others, ready = lines
    return [ready, *others]


def _fitting(lines: list[str], heights: list[int], rows: int) -> list[str]:
    """Return the lines that a screen of so many rows takes, then how many more there are: only those are drawn over."""
    if sum(heights) < rows:  # the cursor stands below
        return lines
    kept = sum(total < rows - 1 for total in accumulate(heights))
    return [*lines[:kept], f"… {len(lines) - kept} more lines: syncd status"]


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
                if said.get(name, words if words in _USUAL else None) != words:
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
        refused = "was changed and is not in use"
        facts[config["file"]] = _with_why(refused, [config["error"]]) if config["error"] else _IN_USE
    facts["pause"] = PauseStatus(paused["since"], paused["why"]).words() if paused else _NOT_PAUSED
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
