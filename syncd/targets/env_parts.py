"""Where each variable of an env file comes from: the same reading, one variable after the other. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from syncd.core.dotenv import Dialect, document
from syncd.core.explain.model import Default, Origin, Part
from syncd.core.globs import is_glob
from syncd.core.mapping import BadValue, KeyRef, include_name, parse_ref, pick
from syncd.core.model import Item
from syncd.core.snapshot import HiddenKey, View
from syncd.core.templating import inline_names
from syncd.targets.env_vars import Reading, Spec


class IncludeSpec(Protocol):
    """All keys of a glob as variables."""

    @property
    def keys(self) -> str: ...
    @property
    def prefix(self) -> str: ...


class EnvSpec(Protocol):
    """What an env file's config says of its variables."""

    @property
    def path(self) -> str: ...
    @property
    def dialect(self) -> Dialect: ...
    @property
    def vars(self) -> Mapping[str, Spec]: ...
    @property
    def include(self) -> Sequence[IncludeSpec]: ...


def parts(config: EnvSpec, view: View) -> tuple[Part, ...]:
    """Return a part for each variable in the order of the file, those without a value too."""
    parting = _Parting(config, view)
    for name, spec in config.vars.items():
        parting.variable(name, spec)
    for number, include in enumerate(config.include):
        parting.include(include, f"include.{number}")
    return parting.placed()


class _Parting:
    """One reading of a target's variables, with what is told of each."""

    def __init__(self, config: EnvSpec, view: View) -> None:
        self.found: list[Part] = []
        self._view = view
        self._path = config.path
        self._reading = Reading(view, config.dialect)
        self._origins: dict[str, tuple[Origin, ...]] = {}

    def variable(self, name: str, spec: Spec) -> None:
        """Note one variable of `vars`."""
        origins: tuple[Origin, ...] = ()
        default, uses = None, tuple[str, ...]()
        if spec.key is not None:
            origins = (self._origin(parse_ref(spec.key), spec),)
            if spec.default is not None and not origins[0].hidden:
                default = Default(spec.default, used=origins[0].item is None or origins[0].leads_nowhere)
                origins = (replace(origins[0], stood_in=default.used),)
        elif spec.template is not None:
            named = inline_names(spec.template, name=name)
            uses = tuple(one for one in self._origins if one in named)
            origins = tuple(dict.fromkeys(origin for one in uses for origin in self._origins.get(one, ())))
        self._origins[name] = origins
        faults = [one.hidden for one in origins if one.hidden]
        if not faults:
            faults = self._read(lambda: self._reading.add(name, spec))
        self._note(
            name,
            Part(
                name,
                "variable",
                self._path,
                origins,
                default=default,
                template=spec.template,
                uses=uses,
                fixed=spec.value is not None,
                fault=faults[0] if faults else None,
                config=f"vars.{name}",
            ),
        )

    def include(self, include: IncludeSpec, config: str) -> None:
        """Note every variable that an include makes."""
        pattern = include.keys
        try:
            if is_glob(pattern):
                items: Mapping[str, Item | None] = self._view.glob(pattern)
            else:
                items = {pattern: self._view.item(pattern)}
        except HiddenKey as hidden:
            unread = Part(pattern, "folder", self._path, (Origin(pattern, hidden=hidden.why),), fault=hidden.why)
            self.found.append(unread)
            return
        for key, item in items.items():
            self._included(include_name(pattern, include.prefix, key), key, item, pattern, config)

    def _included(self, name: str, key: str, item: Item | None, via: str, config: str) -> None:
        faults: list[str] = []
        if item is not None:
            given = item
            faults = self._read(lambda: self._reading.add_included(name, given))
        part = Part(name, "variable", self._path, (Origin(key, item),), via, config=config)
        self._note(name, replace(part, fault=faults[0]) if faults else part)

    def placed(self) -> tuple[Part, ...]:
        """Return all parts, with the lines that they will stand on."""
        variables = list(self._reading.variables.values())
        at = document.render("", "", []).count("\n") + document.render("", "", variables).count("\n")
        at -= document.render("", "", [replace(one, sensitive=False) for one in variables]).count("\n")
        placed = []
        for part in self.found:
            if part.line is None:
                placed.append(part)
                continue
            length = part.line.count("\n") + 1
            placed.append(replace(part, at=(at + 1, at + length)))
            at += length
        return tuple(placed)

    def _origin(self, ref: KeyRef, spec: Spec) -> Origin:
        try:
            item = self._view.item(ref.key)
        except HiddenKey as hidden:
            return Origin(ref.key, pointer=ref.pointer, hidden=hidden.why)
        try:
            nowhere = item is not None and pick(ref, item.value, spec.format) is None
        except BadValue:
            nowhere = False  # a fault, and said so by the reading
        return Origin(ref.key, item, ref.pointer, nowhere)

    def _read(self, add: Callable[[], None]) -> list[str]:
        """Let the reading add a variable; return what it finds wrong with it."""
        errors, faults = len(self._reading.errors), len(self._reading.faults)
        add()
        return [*self._reading.errors[errors:], *(one.why for one in self._reading.faults[faults:])]

    def _note(self, name: str, part: Part) -> None:
        made = self._reading.variables.get(name) if part.fault is None else None
        if made is not None:
            value = None if made.sensitive else self._reading.value(name)
            part = replace(part, value=value, sensitive=made.sensitive, line=made.line)
        elif any(one.item is not None and one.item.sensitive for one in part.origins):
            part = replace(part, sensitive=True)
        self.found.append(part)
