"""An explanation as lines of text, made for 80 columns."""

import textwrap
from collections.abc import Iterator, Mapping

from syncd.core.explain.model import Explained, Explanation, Origin, Part, Place, State
from syncd.core.report.lines import Line, Style, counted, short

_WIDTH = 80
_VALUE_WIDTH = 62
_WHOLE_VALUE = 400
_LABEL = 10
_PLACES = 3
_STATES: Mapping[State, str] = {
    "in_sync": "in sync",
    "create": "to create",
    "update": "to update",
    "delete": "to delete",
    "missing": "no value",
    "fault": "at fault",
    "conflict": "conflict",
    "held": "held",
    "unsafe": "unsafe",
    "kept": "kept as it is",
}
_STYLES: Mapping[State, Style] = {"in_sync": "plain", "create": "create", "update": "update", "delete": "delete"}


def lines(explained: Explanation, *, detail: bool) -> Iterator[Line]:
    """Yield the whole explanation: the target, why it is as it is, then every part.

    Args:
        detail: a few parts were asked for: no place is left out, and values are cut late.
    """
    what = f" → {explained.what}" if explained.what else ""
    state = "cannot be read" if explained.unreadable else _STATES[explained.verdict.state]
    yield Line(f"{explained.target} ({explained.kind}){what}: {state}", "title")
    if explained.verdict.why and not explained.unreadable:
        yield from _wrapped(explained.verdict.why, "  ", "plain")
    for text in explained.why:
        yield from _wrapped(f"! {text}", "  ", "bad")
    overlay = f", overlay {explained.layer}/" if explained.layer else ""
    index = f"Consul index {explained.index}" if explained.index else "read from a file"
    yield Line(f"  {index}, prefix {explained.prefix or '(none)'}{overlay}", "dim")
    for one in explained.parts:
        yield Line("")
        yield from _part(one, explained, detail)
    if not explained.parts:
        yield Line("  nothing is in it, and nothing is wanted", "dim")


def _part(one: Explained, whole: Explanation, detail: bool) -> Iterator[Line]:
    part, verdict = one.part, one.verdict
    yield Line(f"{_title(part)}: {_STATES[verdict.state]}", _STYLES.get(verdict.state, "bad"))
    if verdict.why and not (
        part.kind in ("key", "folder", "service", "services", "env", "line")
        and not detail
        and verdict.why in whole.verdict.why
    ):
        yield from _wrapped(verdict.why, "  ", "plain")
    if part.kind != "line":
        yield from _value(part, detail)
    for number, origin in enumerate(part.origins):
        yield from _origin(origin, part, whole, first=number == 0)
    yield from _rest(part, detail)
    if one.place:
        yield _row("config", one.place)


def _title(part: Part) -> str:
    kinds = {"folder": "folder ", "service": "service ", "env": "environment variable ", "line": "line "}
    return kinds.get(part.kind, "") + part.name


def _value(part: Part, detail: bool) -> Iterator[Line]:
    if part.sensitive:
        yield _row("value", "«sensitive»")
    elif part.value is not None:
        yield _row("value", short(part.value, _WHOLE_VALUE if detail else _VALUE_WIDTH))
    elif any(one.item is not None for one in part.origins) and part.fault is None and part.kind in ("pair", "key"):
        yield _row("value", f"not text, {counted(len(_bytes(part)), 'byte')}")


def _bytes(part: Part) -> bytes:
    return next(one.item.value for one in part.origins if one.item is not None)


def _origin(origin: Origin, part: Part, whole: Explanation, *, first: bool) -> Iterator[Line]:
    item = origin.item
    source = whole.prefix + (item.source_key if item is not None else origin.key)
    if item is None:
        found = "may not be read" if origin.hidden else "has no value"
    else:
        found = f"ModifyIndex {item.modify_index}" if item.modify_index else "from a file"
    yield from _wrapped(f"{source}, {found}", "  " + "key".ljust(_LABEL), "plain")
    if whole.layer and item is not None and part.kind != "line":
        yield from _wrapped(_layer(origin, whole), "  " + "layer".ljust(_LABEL), "plain")
    if origin.pointer:
        nowhere = ", which leads nowhere" if origin.leads_nowhere else ""
        yield _row("pointer", origin.pointer + nowhere)


def _layer(origin: Origin, whole: Explanation) -> str:
    if origin.item is None or not origin.item.layer:
        return f"base; {whole.layer}/ has no such key"
    if origin.other is None:
        return f"{whole.layer}/; the base has no such key"
    return f"{whole.layer}/ over the base, where {whole.prefix}{origin.other} exists too"


def _rest(part: Part, detail: bool) -> Iterator[Line]:
    if part.default is not None:
        used = "used" if part.default.used else "not used, the key has a value"
        yield from _wrapped(
            f"{short(part.default.value, _VALUE_WIDTH)}, {used}", "  " + "default".ljust(_LABEL), "plain"
        )
    elif part.kind == "key" and any(one.stood_in for one in part.origins):
        yield _row("default", "used, or only asked whether it is there: the template says what then")
    if part.fixed:
        yield _row("from", "a fixed value in the config")
    if part.template is not None:
        yield _row("template", short(part.template, _WHOLE_VALUE if detail else _VALUE_WIDTH))
    if part.uses:
        yield from _wrapped(", ".join(part.uses), "  " + "uses".ljust(_LABEL), "plain")
    if part.via is not None:
        yield _row("through", part.via)
    if part.count is not None:
        yield _row("found", _count(part))
    if part.at is not None and part.kind != "line":
        yield _row("line", str(part.at[0]) if part.at[0] == part.at[1] else f"{part.at[0]} to {part.at[1]}")
    label = "made by" if part.kind == "line" else "read at"
    most = len(part.places) if detail else _PLACES
    for place in part.places[:most]:
        yield from _wrapped(_place(place), "  " + label.ljust(_LABEL), "plain")
        label = "with" if part.kind == "line" else ""
    if len(part.places) > most:
        yield _row("", f"and {len(part.places) - most} more")


def _count(part: Part) -> str:
    if part.kind == "env":
        return "set" if part.count else "not set: the template's default is used"
    words = {"folder": "key", "service": "instance", "services": "service"}
    return counted(part.count or 0, words[part.kind])


def _place(place: Place) -> str:
    (file, line), *by = place.lines
    return "".join([f"{file}:{line}", *(f", called by {other}:{number}" for other, number in by)])


def _row(label: str, text: str) -> Line:
    return Line(f"  {label:<{_LABEL}}{text}")


def _wrapped(text: str, indent: str, style: Style) -> Iterator[Line]:
    """Yield words on lines of the terminal's width; what follows the first line stands below its text."""
    below = " " * len(indent)
    for number, line in enumerate(text.splitlines()):
        first = indent if number == 0 else below
        found = textwrap.wrap(
            line, _WIDTH, initial_indent=first, subsequent_indent=below, break_long_words=False, break_on_hyphens=False
        )
        yield from (Line(one, style) for one in found)
