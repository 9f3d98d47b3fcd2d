"""From the configured variables to the lines of an env file, collecting everything that is missing or wrong."""

from typing import Protocol

from syncd.core.dotenv import CannotHold, Dialect, encode, name_fault
from syncd.core.dotenv.document import Variable
from syncd.core.globs import is_glob
from syncd.core.mapping import BadValue, Format, KeyRef, include_name, parse_ref, pick, text_of
from syncd.core.model import Item, KeyFault
from syncd.core.snapshot import View
from syncd.core.templating import TemplateFault, inline_names, render_inline


class Spec(Protocol):
    """What one variable says of where its value comes from: exactly one of key, template and value."""

    @property
    def key(self) -> str | None: ...
    @property
    def format(self) -> Format: ...
    @property
    def default(self) -> str | None: ...
    @property
    def template(self) -> str | None: ...
    @property
    def value(self) -> str | None: ...


class Reading:
    """One reading of a target's variables through a view, in their order.

    `variables` holds what could be read, by name; `missing` the references without a value; `faults` keys that cannot
    be variables (the rest is written without them); `errors` why the file cannot be written, one line each.
    """

    def __init__(self, view: View, dialect: Dialect) -> None:
        self._view = view
        self._dialect = dialect
        self._values: dict[str, str] = {}
        self._sources: dict[str, str] = {}
        self._origins: dict[str, Item] = {}
        self._missing: dict[str, None] = {}
        self.variables: dict[str, Variable] = {}
        self.faults: list[KeyFault] = []
        self.errors: list[str] = []

    def value(self, name: str) -> str | None:
        """Return a variable's value as it was read, sensitive ones too; None where it has none."""
        return self._values.get(name)

    @property
    def missing(self) -> list[str]:
        """The exact keys without a value; with their pointer where only that leads nowhere."""
        return list(self._missing)

    @property
    def origins(self) -> list[Item]:
        """The items that the values come from, each once."""
        return list(self._origins.values())

    def add(self, name: str, spec: Spec) -> None:
        """Read one variable of `vars`.

        Raises:
            NeedMore: its key is not in the snapshot.
            HiddenKey: the source keeps its key from us.
        """
        self._sources[name] = spec.key or f"vars.{name}"
        if spec.key is not None:
            self._from_key(name, parse_ref(spec.key), spec)
        elif spec.template is not None:
            self._from_template(name, spec.template)
        else:
            self._put(name, spec.value or "", sensitive=False)

    def include(self, pattern: str, prefix: str) -> None:
        """Read all keys of an include, in key order.

        Raises:
            NeedMore: its folder is not in the snapshot.
            HiddenKey: it is an exact key, and the source keeps it from us.
        """
        if is_glob(pattern):
            found = self._view.glob(pattern)
        else:
            item = self._view.item(pattern)
            found = {} if item is None else {pattern: item}
            if item is None:
                self._missing[pattern] = None
        for key, item in found.items():
            self.add_included(include_name(pattern, prefix, key), item)

    def _from_key(self, name: str, ref: KeyRef, spec: Spec) -> None:
        item = self._view.item(ref.key)
        try:
            text = None if item is None else pick(ref, item.value, spec.format)
        except BadValue as fault:
            self.errors.append(f"{name}: {_shown(ref.key)} {fault}")
            return
        if item is not None:
            self._note(item)
        if text is not None:
            self._put(name, text, sensitive=item is not None and item.sensitive)
        elif spec.default is not None:
            self._put(name, spec.default, sensitive=False)
        else:
            self._missing[ref.key if item is None else str(ref)] = None

    def _from_template(self, name: str, source: str) -> None:
        used = inline_names(source, name=name)
        if not used <= self._values.keys():
            return  # what it needs is missing or wrong, and that is said already
        try:
            text = render_inline(source, {one: self._values[one] for one in used}, name=name)
        except TemplateFault as fault:
            self.errors.append(str(fault))
            return
        self._put(name, text, sensitive=any(self.variables[one].sensitive for one in used))

    def add_included(self, name: str, item: Item) -> None:
        """Add the variable that an include makes of one key."""
        fault = name_fault(self._dialect, name)
        if fault:
            self.faults.append(KeyFault(item.key, f"its variable {name} {fault}"))
            return
        if name in self._sources:
            if self._sources[name] == item.key:
                twice = f"{_shown(item.key)} makes it twice; name it in vars, or in one include only"
                self.errors.append(f"{name}: {twice}")
                return
            both = f"{_shown(self._sources[name])} and {_shown(item.key)}"
            self.errors.append(f"{name}: both {both} make this variable; rename one or give the include another prefix")
            return
        self._sources[name] = item.key
        self._note(item)
        try:
            text = text_of(item.value)
        except BadValue as bad:
            self.errors.append(f"{name}: {_shown(item.key)} {bad}")
            return
        self._put(name, text, sensitive=item.sensitive)

    def _put(self, name: str, value: str, *, sensitive: bool) -> None:
        try:
            line = encode(self._dialect, name, value)
        except CannotHold as fault:
            self.errors.append(f"{name}: {fault}; its value comes from {_shown(self._sources[name])}")
            return
        self._values[name] = value
        self.variables[name] = Variable(name, line, sensitive)

    def _note(self, item: Item) -> None:
        self._origins[item.key] = item


def _shown(key: str) -> str:
    """Return a key for a message of one line."""
    return key if key.isprintable() else ascii(key)
