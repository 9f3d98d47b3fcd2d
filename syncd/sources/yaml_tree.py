"""YAML as a tree of places and text, for seed files: no anchors, no depth without end, scalars as they were written.

Built from libyaml's events, not from its nodes: composing nodes of a deeply nested file crashes the process.
"""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from syncd.core.errors import ConfigError, Fault

MAX_DEPTH = 50
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_KNOWN_TAGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:binary")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something begins in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def fault(self, path: str, message: str) -> Fault:
        """Return a fault at this place."""
        return Fault(self.file, self.line, self.column, path, message)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar's text as written; `plain` without quotes and tag; `binary` where it is tagged `!!binary`."""

    place: Place
    text: str
    plain: bool
    binary: bool = False


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values in the order of the file; no key comes twice."""

    place: Place
    pairs: dict[str, "Tree"] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    place: Place
    items: list["Tree"] = field(default_factory=list)


Tree: TypeAlias = Scalar | Mapping | Items


def parse(text: str, file: str) -> Tree:
    """Return the tree of a YAML document.

    Raises:
        ConfigError: not YAML, more than one document, anchors, unknown tags, a key twice, or nested without end.
    """
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        place = _place(file, error.problem_mark or error.context_mark)
        raise ConfigError([place.fault("", f"is not YAML: {error.problem or error.context}")]) from error
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise ConfigError([_place(file, None).fault("", "is not YAML: it holds control characters")]) from error
    if builder.root is None:
        raise ConfigError([Place(file, 1, 1).fault("", "is empty; a seed has a `kv:` mapping")])
    return builder.root


def _place(file: str, mark: Any) -> Place:
    return Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 0, 0)


class _Builder:
    """Puts the tree together, event by event."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._open: list[Mapping | Items] = []
        self._keys: list[tuple[str, Place] | None] = []
        """For each open collection the mapping key whose value comes next."""
        self.root: Tree | None = None

    def take(self, event: yaml.Event) -> None:
        place = _place(self._file, event.start_mark)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            self._refuse(place, "anchors and aliases are not read here; write the value out")
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, place)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event, place)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
            self._keys.pop()
        elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            self._refuse(place, "a second document is not read; put everything into one")

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> None:
        if event.tag and event.tag not in _KNOWN_TAGS:
            self._refuse(place, "has a tag that is not read here; only !!str and !!binary are")
        if self._open and isinstance(self._open[-1], Mapping) and self._keys[-1] is None:
            if event.value in self._open[-1].pairs:
                self._refuse(place, f"the key {event.value!r} comes twice")
            self._keys[-1] = (event.value, place)
            return
        plain = not event.style and not event.tag
        self._put(Scalar(place, event.value, plain, binary=event.tag == _KNOWN_TAGS[1]))

    def _begin(self, event: yaml.CollectionStartEvent, place: Place) -> None:
        if len(self._open) >= MAX_DEPTH:
            self._refuse(place, f"is nested deeper than {MAX_DEPTH} levels")
        if event.tag:
            self._refuse(place, "has a tag that is not read here; only !!str and !!binary are")
        if self._open and isinstance(self._open[-1], Mapping) and self._keys[-1] is None:
            self._refuse(place, "a key is not a text")
        tree = Mapping(place) if isinstance(event, yaml.MappingStartEvent) else Items(place)
        self._put(tree)
        self._open.append(tree)
        self._keys.append(None)

    def _put(self, tree: Tree) -> None:
        if not self._open:
            self.root = tree
            return
        holder = self._open[-1]
        if isinstance(holder, Items):
            holder.items.append(tree)
            return
        held = self._keys[-1]
        if held is None:
            raise AssertionError("a mapping's value without its key")
        holder.pairs[held[0]], holder.places[held[0]] = tree, held[1]
        self._keys[-1] = None

    def _refuse(self, place: Place, message: str) -> None:
        raise ConfigError([place.fault("", message)])
