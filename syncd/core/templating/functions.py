"""The functions through which a template reads. What they read is recorded by the view."""

from collections.abc import Callable, ItemsView, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jinja2 import Undefined

from syncd.core.errors import SourceLacks
from syncd.core.fields import parse_exact_key
from syncd.core.model import Instance, Item, Need, ServiceUse
from syncd.core.snapshot import NeedMore, Snapshot, View
from syncd.core.templating.errors import Failed, Refusal, here, places
from syncd.core.templating.values import UNKNOWN, NotText, kind_of, not_text

_OWN = "consul"
"""Consul lists itself in its catalog, as long as a token may see it."""
CATALOG = "services()"
"""The label under which the reading of the whole catalog is remembered."""
FUNCTION_NAMES = ("key", "key_exists", "key_bytes", "ls", "tree", "service", "services", "env", "fail")
SERVICE_STATES = ("passing", "warning", "critical", "any")

_SHORTEST_SECRET = 4
"""Characters."""
_NO_DEFAULT = object()


@dataclass(frozen=True, slots=True)
class Read:
    """One read of a template: what, what it found, and where it stands, the innermost line first.

    `name` is a key, a glob such as `services/**`, a question to the catalog or an environment variable; `count` how
    many instances answered, or whether the variable is set.
    """

    kind: Literal["key", "folder", "service", "services", "env"]
    name: str
    items: tuple[Item, ...]
    places: tuple[tuple[str, int], ...]
    count: int | None = None


class Functions:
    """The functions of one template, for one view at a time; remembers what could not be answered."""

    def __init__(self, env: Mapping[str, str]) -> None:
        """Make the functions; `env` is what `env()` may read."""
        self._env = env
        self.begin(View(Snapshot()))

    def begin(self, view: View) -> None:
        """Read through `view` from now on, with nothing remembered."""
        self._view = view
        self.needs: set[Need] = set()
        """What the snapshot does not cover."""
        self.missing: dict[str, tuple[str, int] | None] = {}
        """Exact keys without a value and without a default, each with template and line of its first use."""
        self.uses: dict[str, ServiceUse] = {}
        self.told: Callable[[Read], None] | None = None
        """Told of every read where somebody wants to know; nobody does in a pass."""

    def table(self) -> dict[str, Callable[..., Any]]:
        """Return the functions by the name that templates use."""
        return {name: getattr(self, name) for name in FUNCTION_NAMES}

    def key(self, path: Any, default: Any = _NO_DEFAULT) -> Any:
        """Return the value of an exact key as text; `default` where it has none."""
        item = self._item(path)
        if item is UNKNOWN:
            return UNKNOWN
        if item is None:
            return self._absent(path, default)
        try:
            return item.value.decode()
        except UnicodeDecodeError:
            raise not_text(path) from None

    def key_bytes(self, path: Any, default: Any = _NO_DEFAULT) -> Any:
        """Return the value of an exact key as bytes; `default` where it has none."""
        item = self._item(path)
        if item is UNKNOWN:
            return UNKNOWN
        return self._absent(path, default) if item is None else item.value

    def key_exists(self, path: Any) -> Any:
        """Return whether an exact key has a value."""
        item = self._item(path)
        return UNKNOWN if item is UNKNOWN else item is not None

    def ls(self, prefix: Any = "") -> Any:
        """Return the keys directly in a folder with their values, by the key relative to it, in key order."""
        return self._below(prefix, "*", "ls")

    def tree(self, prefix: Any = "") -> Any:
        """Return all keys below a folder with their values, by the key relative to it, in key order."""
        return self._below(prefix, "**", "tree")

    def service(self, name: Any, tag: Any = None, status: Any = "passing", allow_empty: Any = False) -> Any:
        """Return the instances of a service in one state, sorted by id; an unknown name has none."""
        name = _text(name, "the name of service()")
        if status not in SERVICE_STATES:
            raise Refusal(f"service() knows the states {', '.join(SERVICE_STATES)}")
        if tag is not None:
            tag = _text(tag, "the tag of service()")
        instances = self._read(lambda: self._view.service(name))
        if instances is UNKNOWN:
            return UNKNOWN
        found = [
            _instance(one) for one in instances if status in ("any", one.status) and (tag is None or tag in one.tags)
        ]
        self._use(name, tag, status, len(found), bool(allow_empty))
        if self.told is not None:
            self.told(Read("service", _label(name, tag, status), (), places(), count=len(found)))
        return found

    def services(self) -> Any:
        """Return the tags of every service in the catalog, by its name, in name order."""
        catalog = self._read(self._view.catalog)
        if catalog is UNKNOWN:
            return UNKNOWN
        if self.told is not None:
            self.told(Read("services", CATALOG, (), places(), count=len(catalog)))
        return _Listing({name: list(tags) for name, tags in catalog.items()}, self.uses)

    def env(self, name: Any, default: Any = _NO_DEFAULT) -> Any:
        """Return an environment variable of syncd; `default` where it is not set, or one of its own credentials."""
        found = self._env.get(_text(name, "the name of env()"))
        if found is None and default is _NO_DEFAULT:
            words = "the environment variable {} is not set, or is a credential of syncd; set it, or give a default"
            raise Refusal(words, name)
        if self.told is not None:
            self.told(Read("env", str(name), (), places(), count=int(found is not None)))
        return default if found is None else found

    def fail(self, message: Any) -> Any:
        """Stop the rendering with a message of the template's own."""
        raise Failed(_text(message, "the message of fail()"))

    def _item(self, path: Any) -> Any:
        key = key_from(_text(path, "a key"))
        found = self._read(lambda: self._view.item(key))
        if self.told is not None:
            self.told(Read("key", key, () if found is None or found is UNKNOWN else (found,), places()))
        return found

    def _absent(self, path: str, default: Any) -> Any:
        if default is not _NO_DEFAULT:
            return default
        self.missing.setdefault(path, here())
        return UNKNOWN

    def _below(self, prefix: Any, pattern: str, function: str) -> Any:
        folder = folder_from(_text(prefix, f"the folder of {function}()"), function)
        items: Any = self._read(lambda: self._view.glob(folder + pattern))
        if items is UNKNOWN:
            return UNKNOWN
        if self.told is not None:
            self.told(Read("folder", folder + pattern, tuple(items.values()), places()))
        start = len(folder)
        try:
            return {key[start:]: item.value.decode() for key, item in items.items()}
        except UnicodeDecodeError:
            return {key[start:]: _value(item) for key, item in items.items()}

    def _read(self, read: Callable[[], Any]) -> Any:
        """Return what the view answers, UNKNOWN where it has to be read first."""
        try:
            return read()
        except NeedMore as more:
            # It would stand in Consul's logs, in the journal and in what is said of a missing key.
            if any(value in need.name for value in self._sensitive() for need in more.needs):
                raise Refusal("a sensitive value cannot be the name of what is read; write the name out") from None
            self.needs |= more.needs
            return UNKNOWN
        except SourceLacks as lacks:
            raise Refusal(str(lacks)) from None

    def _sensitive(self) -> list[str]:
        """Return the sensitive values that were read so far, but for those so short that they are in many names."""
        found = (item.value.decode(errors="replace") for item in self._view.items.values() if item.sensitive)
        return [value for value in found if len(value) >= _SHORTEST_SECRET]

    def _use(self, name: str, tag: str | None, status: str, count: int, allow_empty: bool) -> None:
        label = _label(name, tag, status)
        before = self.uses.get(label)
        allow_empty = allow_empty and (before is None or before.allow_empty)
        self.uses[label] = ServiceUse(label, count, allow_empty)


class _Listing(dict[str, list[str]]):
    """The catalog as a template sees it; notes what is asked of it, since what was there must not vanish unseen.

    Asking for a name that is not in it is a use of that service, going through it one of the catalog as a whole.
    """

    def __init__(self, tags: dict[str, list[str]], uses: dict[str, ServiceUse]) -> None:
        super().__init__(tags)
        self._uses = uses

    def __contains__(self, name: object) -> bool:
        found = super().__contains__(name)
        if not found and isinstance(name, str):
            self._uses.setdefault(name, ServiceUse(name, 0, False))
        return found

    def __iter__(self) -> Iterator[str]:
        self._listed()
        return super().__iter__()

    def __len__(self) -> int:
        self._listed()
        return super().__len__()

    def items(self) -> ItemsView[str, list[str]]:  # type: ignore[override]  # the view's own class has no name
        """Return the names with their tags."""
        self._listed()
        return super().items()

    def _listed(self) -> None:
        count = super().__len__() - super().__contains__(_OWN)
        self._uses[CATALOG] = ServiceUse(CATALOG, count, False)


def key_from(path: str) -> str:
    """Return the exact key that a function is asked for.

    Raises:
        Refusal: it is none.
    """
    try:
        return parse_exact_key(path)
    except ValueError as error:
        raise Refusal(f"{{}} {error}", path) from None


def folder_from(prefix: str, function: str) -> str:
    """Return the folder that `ls` or `tree` is asked for, ending in `/` or empty.

    Raises:
        Refusal: it is no folder.
    """
    folder = prefix.removesuffix("/")
    if not folder:
        return ""
    try:
        parse_exact_key(folder)
    except ValueError:
        raise Refusal(f"{{}} is not a folder for {function}(); write one such as config/domains", prefix) from None
    return folder + "/"


def _label(name: str, tag: str | None, status: str) -> str:
    """Return what one question to the catalog is called: `web, tag v2, critical`."""
    return ", ".join([name, *([f"tag {tag}"] if tag else []), *([status] if status != "passing" else [])])


def _value(item: Item) -> Any:
    try:
        return item.value.decode()
    except UnicodeDecodeError:
        return NotText(item.key)


def _instance(one: Instance) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "address": one.address,
        "port": one.port,
        "tags": list(one.tags),
        "meta": dict(one.meta),
        "status": one.status,
        "node": one.node,
    }


def _text(value: Any, what: str) -> str:
    if isinstance(value, Undefined):
        str(value)
    if not isinstance(value, str):
        raise Refusal(f"{what} is text, not {kind_of(value)}")
    return str(value)
