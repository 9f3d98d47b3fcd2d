"""From the bytes of a YAML file to its node tree. Pure."""

from collections.abc import Iterator
from typing import Any, cast

import yaml

from syncd.config.nodes import Items, Mark, Node, Path, Scalar, Table, fault, quoted
from syncd.core.errors import ConfigError, Fault

MAX_DEPTH = 64
MAX_NODES = 200_000
"""Counted after aliases: a few lines of aliases of aliases would else stand for billions."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Any = yaml.resolver.Resolver()
_READ = yaml.constructor.SafeConstructor()
_TAG = "tag:yaml.org,2002:"
_VALUES = {"null", "bool", "int", "float"}
_HINTS = (
    ("tab character", "indent with spaces, not tabs"),
    ("cannot start any token", "put the text in quotes, and indent with spaces, not tabs"),
    ("mapping values are not allowed", "put a text that holds a colon in quotes, or mend the indentation"),
    ("undefined alias", "put a text that starts with * in quotes"),
    ("another document", "keep one document in the file"),
)


def compose(file: str, data: bytes) -> Table:
    """Return the node tree of a config file.

    Raises:
        ConfigError: not UTF-8, not YAML, not a mapping at the top, duplicate keys (all of them), too deep or too big.
    """
    text = _decode(file, data)
    composer = _Composer(file, text)
    try:
        root = composer.document()
    except yaml.MarkedYAMLError as error:
        raise ConfigError([*composer.faults, _syntax_fault(file, text, error)]) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError([fault(file, Mark(1, 1), (), f"is not YAML: {error}; correct it")]) from error
    if composer.faults:
        raise ConfigError(composer.faults)
    if root is None:
        raise ConfigError([fault(file, Mark(1, 1), (), "is empty; write at least version, owner and targets")])
    if not isinstance(root, Table):
        what = "a list" if isinstance(root, Items) else "a single value"
        raise ConfigError([fault(file, root.mark, (), f"holds {what}; write a mapping that starts with version: 1")])
    return root


def _decode(file: str, data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        mark = _mark_at(data[: error.start].decode("utf-8", "replace"))
        raise ConfigError([fault(file, mark, (), "is not UTF-8; save the file in UTF-8")]) from error
    bad = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if bad:
        words = f"holds the control character U+{ord(bad.group()):04X}; remove it"
        raise ConfigError([fault(file, _mark_at(text[: bad.start()]), (), words)])
    return text


def _mark_at(before: str) -> Mark:
    return Mark(before.count("\n") + 1, len(before) - before.rfind("\n"))


def _syntax_fault(file: str, text: str, error: yaml.MarkedYAMLError) -> Fault:
    where = error.problem_mark or error.context_mark
    lines = text.count("\n") + 1
    mark = Mark(min(where.line + 1, lines), where.column + 1) if where else Mark(1, 1)
    problem = (error.problem or error.context or "it cannot be read").strip()
    since = ""
    if error.context and error.context_mark and error.context_mark.line + 1 < mark.line:
        since = f" ({error.context.strip()} that starts at line {error.context_mark.line + 1})"
    hint = next((hint for words, hint in _HINTS if words in problem), "correct it")
    return fault(file, mark, (), f"is not YAML: {problem}{since}; {hint}")


def _stop(problem: str, event: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(None, None, problem, event.start_mark)


class _Composer:
    """Turns the events of one file into nodes; faults that do not stop it are collected."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self.events: Iterator[Any] = cast(Any, yaml.parse(text, Loader=_LOADER))
        self.anchors: dict[str, tuple[Node, int, int] | None] = {}
        """Each anchor's node, how many nodes it stands for and how deep it is; None while it is still open."""
        self.count = 0
        self.reach = 0
        """The deepest level in the present branch."""

    def document(self) -> Node | None:
        """Return the one document's tree, None for an empty file."""
        root: Node | None = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise _stop("another document starts", event)
                root = self.node(next(self.events), ())
        return None if isinstance(root, Scalar) and root.text == "" else root

    def node(self, event: Any, path: Path) -> Node:
        """Return the node that starts with `event`."""
        mark = Mark(event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, yaml.AliasEvent):
            node, size, depth = self.alias(event)
            self.grow(mark, size, len(path) + depth)
            return node
        before, outer, self.reach = self.count, self.reach, len(path)
        self.grow(mark, 1, len(path))
        if event.anchor:
            self.anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node = self.scalar(event, mark, path)
        elif isinstance(event, yaml.SequenceStartEvent):
            self.tag(event, "seq", mark, path)
            node = self.sequence(mark, path)
        else:
            self.tag(event, "map", mark, path)
            node = self.mapping(mark, path)
        if event.anchor:
            self.anchors[event.anchor] = (node, self.count - before, self.reach - len(path))
        self.reach = max(outer, self.reach)
        return node

    def alias(self, event: Any) -> tuple[Node, int, int]:
        """Return what an alias stands for."""
        if event.anchor not in self.anchors:
            raise _stop("found undefined alias", event)
        known = self.anchors[event.anchor]
        if known is None:
            raise _stop("found an alias of what it stands in", event)
        return known

    def grow(self, mark: Mark, size: int, depth: int) -> None:
        """Count nodes and depth, and stop where there are too many."""
        self.count += size
        self.reach = max(self.reach, depth)
        if self.count > MAX_NODES:
            words = f"holds more than {MAX_NODES} values, aliases counted; make it smaller"
            raise ConfigError([fault(self.file, mark, (), words)])
        if depth > MAX_DEPTH:
            raise ConfigError([fault(self.file, mark, (), f"is nested deeper than {MAX_DEPTH}; make it flatter")])

    def tag(self, event: Any, default: str, mark: Mark, path: Path) -> str:
        """Return the short name of a node's type; a tag of one's own is a fault."""
        tag = str(event.tag or _TAG + default)
        if tag == "!":
            return "str"
        if tag in (_TAG + "str", _TAG + default):
            return tag.removeprefix(_TAG)
        self.faults.append(fault(self.file, mark, path, f"has the tag {quoted(tag)}; leave it out"))
        return default

    def scalar(self, event: Any, mark: Mark, path: Path) -> Scalar:
        """Return a scalar with the value that YAML 1.1 reads, and the text as it stands there."""
        resolved = str(_RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)).removeprefix(_TAG)
        kind = self.tag(event, resolved, mark, path)
        if kind not in _VALUES:
            return Scalar(mark, event.value, event.value)
        try:
            value = _READ.construct_object(yaml.ScalarNode(_TAG + kind, event.value))
        except ValueError:
            value = event.value
        return Scalar(mark, value, event.value)

    def sequence(self, mark: Mark, path: Path) -> Items:
        """Return a list, up to its end."""
        items: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, (*path, len(items))))
        return Items(mark, items)

    def mapping(self, mark: Mark, path: Path) -> Table:
        """Return a mapping, up to its end; what is written out beats what `<<` merges in."""
        items: dict[str, Node] = {}
        marks: dict[str, Mark] = {}
        merged: list[Node] = []
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.node(event, (*path, "?"))
            if not isinstance(key, Scalar):
                words = "has a mapping or a list as a key; write {{ … }} and the like in quotes"
                self.faults.append(fault(self.file, key.mark, path, words))
                self.node(next(self.events), (*path, "?"))
                continue
            value = self.node(next(self.events), (*path, key.text))
            if key.text == "<<" and isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
                merged += value.items if isinstance(value, Items) else [value]
            elif key.text in items:
                words = f"is there twice, first at line {marks[key.text].line}; keep one"
                self.faults.append(fault(self.file, key.mark, (*path, key.text), words))
            else:
                items[key.text], marks[key.text] = value, key.mark
        for one in merged:
            if not isinstance(one, Table):
                self.faults.append(fault(self.file, one.mark, path, "has a << of what is no mapping; write << : *NAME"))
                continue
            items = {**one.items, **items}
            marks = {**one.marks, **marks}
        return Table(mark, items, marks)
