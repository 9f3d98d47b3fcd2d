"""What a template reads and where, and what each line of its output is made from. Pure."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from syncd.core.explain.model import Origin, Part, PartKind, Place, shown
from syncd.core.model import Item
from syncd.core.snapshot import View
from syncd.core.templating import Read, TemplateFile, Trace

_HIDDEN_NAME = "«sensitive»"
_Key = tuple[PartKind, str]


def parts(file: TemplateFile, path: str, view: View, masked: View) -> tuple[Part, ...]:
    """Return a part for each key, folder, service and environment variable that is read, then one for each line.

    A key whose name is made of a sensitive value is called `«sensitive»`.

    Args:
        path: of the output.
    """
    trace, may_show = file.trace(view, masked)
    found: dict[_Key, Part] = {}
    for read in trace.reads:
        for part in _of_read(read, trace, path, may_show):
            key = (part.kind, part.name)
            found[key] = _joined(found[key], part) if key in found else part
    if trace.hidden_key is not None:
        name = trace.hidden_key if may_show(trace.hidden_key) else _HIDDEN_NAME
        found["key", name] = Part(name, "key", path, (Origin(name, hidden=trace.hidden),), fault=trace.hidden)
    order = ("key", "folder", "service", "services", "env")
    read_parts = sorted(found.values(), key=lambda part: (order.index(part.kind), part.name))
    return (*read_parts, *_lines(file, path, trace, read_parts))


def _of_read(read: Read, trace: Trace, path: str, may_show: Callable[[str], bool]) -> list[Part]:
    (file, line), *by = read.places or ((path, 0),)
    places = (Place(file, line, tuple(by)),)
    if read.kind == "folder":
        whole = Part(read.name, "folder", path, places=places, count=len(read.items))
        below = [_of_key(item.key, item, path, places, via=read.name) for item in read.items]
        return [whole, *below] if may_show(read.name) else [Part(_HIDDEN_NAME, "folder", path, places=places)]
    name = read.name if may_show(read.name) else _HIDDEN_NAME
    if read.kind != "key":
        return [Part(name, read.kind, path, places=places, count=read.count)]
    if name == _HIDDEN_NAME:
        return [Part(name, "key", path, places=places, sensitive=True)]
    item = next(iter(read.items), None)
    return [_of_key(name, item, path, places, stood_in=item is None and name not in trace.missing)]


def _of_key(
    key: str, item: Item | None, path: str, places: tuple[Place, ...], *, via: str | None = None, stood_in: bool = False
) -> Part:
    sensitive = item is not None and item.sensitive
    return Part(
        key,
        "key",
        path,
        (Origin(key, item, stood_in=stood_in),),
        via,
        places=places,
        value=shown(item),
        sensitive=sensitive,
    )


def _joined(one: Part, more: Part) -> Part:
    """Return two readings of the same as one part, each place once."""
    places = tuple(dict.fromkeys([*one.places, *more.places]))
    return replace(one, places=places, via=one.via or more.via)


def _lines(file: TemplateFile, path: str, trace: Trace, reads: list[Part]) -> list[Part]:
    """Return a part for each line of the output: the line of the template that wrote it, and what that line uses."""
    if not trace.lines:
        return []
    behind = file.lines_behind()
    keys: dict[int, dict[Origin, None]] = {}
    names: dict[int, set[str]] = {}
    folders: dict[int, set[str]] = {}
    for part in reads:
        for place in part.places:
            line = place.lines[-1][1]  # of the template itself, not of what it includes
            keys.setdefault(line, {}).update(dict.fromkeys(part.origins))
            if part.kind == "folder":
                folders.setdefault(line, set()).add(part.name.rstrip("*"))
            if part.kind != "key":
                names.setdefault(line, set()).add(f"{part.kind} {part.name}" if part.kind != "services" else part.name)
    found = []
    sensitive = any(part.sensitive for part in reads)
    for number, (line, text, at) in enumerate(trace.lines, 1):
        lines = sorted(behind(line)) if text.strip() else []
        read = (origin for one in lines for origin in _stood_at(keys.get(one, {}), folders.get(one, ()), at))
        origins = tuple(dict.fromkeys(origin for origin in read if not origin.stood_in))
        uses = tuple(sorted(set().union(*(names.get(one, set()) for one in lines))))
        places = tuple(Place(file.path, one) for one in [line, *(one for one in lines if one != line)])
        value = None if sensitive else text  # which of them hold a sensitive value cannot be told
        stands = (number, number)
        found.append(Part(str(number), "line", path, origins, uses=uses, places=places, value=value, at=stands))
    return found


def _stood_at(origins: Iterable[Origin], folders: Iterable[str], at: Collection[str]) -> list[Origin]:
    """Return the keys without those of a folder at which its loop did not stand; all where that cannot be told."""
    left = list(origins)
    for folder in folders:
        below = [one for one in left if one.key.startswith(folder)]
        shown_now = [one for one in below if one.key.removeprefix(folder) in at]
        if shown_now:
            left = [one for one in left if one in shown_now or one not in below]
    return left
