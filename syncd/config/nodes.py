"""The YAML node tree: every value with the line and column it stands at. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from syncd.core.errors import Fault

Path = tuple[str | int, ...]
Plain: TypeAlias = "str | int | float | bool | dict[str, Plain] | list[Plain] | None"


@dataclass(frozen=True, slots=True)
class Mark:
    """Where something stands in the file, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. `value` is what YAML reads (null, bool, int, float, text), `text` how it is written, expanded.

    `written` is the text before `${VAR}` was expanded, None where nothing was. `unknown`: a variable in it is not set.
    """

    mark: Mark
    value: str | int | float | bool | None
    text: str
    written: str | None = None
    unknown: bool = False

    @property
    def shown(self) -> str:
        """What a fault may show of it: never what a variable holds."""
        return self.text if self.written is None else self.written


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping; each key with the mark of the key itself."""

    mark: Mark
    items: Mapping[str, "Node"]
    marks: Mapping[str, Mark]


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    mark: Mark
    items: Sequence["Node"]


Node = Scalar | Table | Items


def child(node: Node | None, part: str | int) -> Node | None:
    """Return what stands below `node` under a key or an index, None where nothing does."""
    if isinstance(node, Table) and isinstance(part, str):
        return node.items.get(part)
    if isinstance(node, Items) and isinstance(part, int) and 0 <= part < len(node.items):
        return node.items[part]
    return None


def find(root: Node, path: Path) -> Node | None:
    """Return the node at a path, None where there is none."""
    node: Node | None = root
    for part in path:
        node = child(node, part)
    return node


def path_of(root: Node, dotted: str) -> Path:
    """Return the path that a dotted one stands for, as far as it exists; names may hold dots themselves."""
    path: Path = ()
    node, parts = root, dotted.split(".")
    while parts:
        for size in range(len(parts), 0, -1):
            name = ".".join(parts[:size])
            part = int(name) if isinstance(node, Items) and name.isdecimal() else name
            below = child(node, part)
            if below is not None:
                path, node, parts = (*path, part), below, parts[size:]
                break
        else:
            break
    return path


def mark_of(root: Node, path: Path) -> Mark:
    """Return where to point at: a scalar's value, else the key that holds it, else the nearest thing above that is."""
    node, mark = root, root.mark
    for part in path:
        below = child(node, part)
        if below is None:
            break
        mark = node.marks[part] if isinstance(node, Table) and isinstance(part, str) else below.mark
        node = below
    else:
        return node.mark if isinstance(node, Scalar) else mark
    return mark


def key_mark(root: Node, path: Path) -> Mark:
    """Return where the key at the end of a path stands, else as `mark_of`."""
    holder = find(root, path[:-1])
    if path and isinstance(holder, Table) and path[-1] in holder.marks:
        return holder.marks[str(path[-1])]
    return mark_of(root, path)


def plain(node: Node) -> Plain:
    """Return the tree as the values that YAML reads."""
    if isinstance(node, Table):
        return {key: plain(value) for key, value in node.items.items()}
    if isinstance(node, Items):
        return [plain(value) for value in node.items]
    return node.value


def texts(node: Node) -> Plain:
    """Return the tree with every scalar as its text, or None for null: what hooks of targets see."""
    if isinstance(node, Table):
        return {key: texts(value) for key, value in node.items.items()}
    if isinstance(node, Items):
        return [texts(value) for value in node.items]
    return None if node.value is None else node.text


def scalars(node: Node) -> Iterator[Scalar]:
    """Return every scalar in the tree."""
    if isinstance(node, Scalar):
        yield node
        return
    for below in node.items.values() if isinstance(node, Table) else node.items:
        yield from scalars(below)


def printable(text: str) -> str:
    """Return a text on one line: what cannot be printed is escaped."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def fault(file: str, mark: Mark | None, path: Path, message: str) -> Fault:
    """Return a fault on one line, whatever the file holds; without a mark it is about the file as a whole."""
    dotted = ".".join(printable(str(part)) for part in path)
    line, column = (mark.line, mark.column) if mark else (0, 0)
    return Fault(file, line, column, dotted, printable(" ".join(message.split())))


def quoted(text: str) -> str:
    """Return a text as faults show it: in quotes, cut at 80 characters."""
    return f"'{text if len(text) <= 80 else text[:79] + '…'}'"
