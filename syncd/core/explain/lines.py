"""An explanation as lines of text, made for 80 columns."""

import textwrap
from collections.abc import Iterator, Mapping

from syncd.core.explain.model import Explained, Explanation, Origin, Part, Place, State
from syncd.core.report.lines import Line, Style, counted, short

_WIDTH = 80
_FITS, _CUT = 66, 46
"""A longer value is cut shorter: that it was, is told behind it."""
_WHOLE_VALUE = 400
_LABEL = 10
_PLACES = 3
_REASONS = 10
_HARD = "\u00a0"
"""A space at which no line ends."""
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
    "unknown": "not known: the target cannot be read",
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
    for text in explained.why[:_REASONS]:
        yield from _wrapped(f"! {text}", "  ", "bad")
    if len(explained.why) > _REASONS:
        yield Line(f"  ! and {len(explained.why) - _REASONS} more", "bad")
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
    stands_alone = part.kind in ("variable", "pair") or verdict.state in ("missing", "fault", "held")
    state = f": {_STATES[verdict.state]}" if stands_alone else ""
    yield Line(_title(part) + state, _STYLES.get(verdict.state, "bad") if stands_alone else "plain")
    if verdict.why and verdict.why != whole.verdict.why:
        yield from _wrapped(verdict.why, "  ", "plain")
    yield from _value(part, detail)
    for origin in part.origins:
        yield from _origin(origin, part, whole)
    yield from _rest(part, detail)
    if one.place:
        yield _row("config", one.place)


def _title(part: Part) -> str:
    kinds = {"folder": "folder ", "service": "service ", "env": "environment variable ", "line": "line "}
    return kinds.get(part.kind, "") + part.name


def _value(part: Part, detail: bool) -> Iterator[Line]:
    label = "text" if part.kind == "line" else "value"
    if part.sensitive:
        yield _row("value", "«sensitive»")
    elif part.value is not None:
        yield _row(label, _short(part.value, detail))
    elif any(one.item is not None for one in part.origins) and part.fault is None and part.kind in ("pair", "key"):
        yield _row("value", f"not text, {counted(len(_bytes(part)), 'byte')}")


def _bytes(part: Part) -> bytes:
    return next(one.item.value for one in part.origins if one.item is not None)


def _origin(origin: Origin, part: Part, whole: Explanation) -> Iterator[Line]:
    item = origin.item
    source = whole.prefix + (item.source_key if item is not None else origin.key)
    if item is None:
        lacks = f"has no value, nor has {whole.layer}/{origin.key}" if whole.layer else "has no value"
        lacks += "; the template does without" if part.kind == "key" and origin.stood_in else ""
        found = "may not be read" if origin.hidden else lacks
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
    yield from _instead(part, detail)
    if part.uses:
        yield from _wrapped(", ".join(part.uses), "  " + "uses".ljust(_LABEL), "plain")
    if part.via is not None:
        yield _row("through", part.via)
    if part.count is not None:
        yield _row("found", _count(part))
    if part.at is not None and part.kind != "line":
        yield _row("line", str(part.at[0]) if part.at[0] == part.at[1] else f"{part.at[0]} to {part.at[1]}")
    yield from _places(part, detail)


def _instead(part: Part, detail: bool) -> Iterator[Line]:
    """Yield what is in the place of a key's value, or would be."""
    if part.default is not None:
        used = "used" if part.default.used else "not used, the key has a value"
        yield from _wrapped(f"{_short(part.default.value, detail)}, {used}", "  " + "default".ljust(_LABEL), "plain")
    if part.fixed:
        yield _row("from", "a fixed value in the config")
    if part.template is not None:
        yield _row("template", _short(part.template, detail))


def _places(part: Part, detail: bool) -> Iterator[Line]:
    if part.kind == "line":
        made, *behind = part.places
        yield _row("made by", _place(made))
        if behind:
            more = ", ".join(str(place.line) for place in behind)
            yield from _wrapped(
                f"{'line' if len(behind) == 1 else 'lines'} {more} of it", "  " + "with".ljust(_LABEL), "plain"
            )
        return
    most = len(part.places) if detail else _PLACES
    for number, place in enumerate(part.places[:most]):
        yield from _wrapped(_place(place), "  " + ("" if number else "read at").ljust(_LABEL), "plain")
    if len(part.places) > most:
        yield _row("", f"and {len(part.places) - most} more")


def _count(part: Part) -> str:
    if part.kind == "env":
        return "set" if part.count else "not set: the template's default is used"
    words = {"folder": "key", "service": "instance", "services": "service"}
    return counted(part.count or 0, words[part.kind])


def _place(place: Place) -> str:
    (file, line), *by = place.lines
    callers = (f"←{_HARD}{other.rpartition('/')[2]}:{number}" for other, number in by)
    return " ".join([f"{file}:{line}", *callers])


def _short(value: str, detail: bool) -> str:
    whole = short(value, _WHOLE_VALUE)
    return whole if detail or len(whole) <= _FITS + 2 else short(value, _CUT)


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
        yield from (Line(one.replace(_HARD, " "), style) for one in found)
