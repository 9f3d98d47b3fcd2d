"""The seed file: keys and services in a form that people write. docs/seed.md describes it."""

import base64
import binascii
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from syncd.core.errors import ConfigError, Fault
from syncd.core.model import Instance, RawKey
from syncd.sources.yaml_tree import Items, Place, Scalar, Tree, parse
from syncd.sources.yaml_tree import Mapping as Branch

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_NULLS = ("", "~", "null")
_STATUSES = ("passing", "warning", "critical")
_FIELDS = ("id", "address", "port", "tags", "meta", "status", "node")
_MAX_PORT = 65_535
_LONGEST_NUMBER = 300


@dataclass(frozen=True, slots=True)
class Seed:
    """What a seed or an export holds; keys are absolute. `services` is None where the file says nothing of services."""

    keys: tuple[RawKey, ...]
    services: Mapping[str, tuple[Instance, ...]] | None = None


def parse_seed(text: str, file: str) -> Seed:
    """Return what the text of a seed holds.

    Raises:
        ConfigError: all that is wrong with it, each with its place.
    """
    tree = parse(text, file)
    reader = _Reader(file)
    seed = reader.seed(tree)
    if reader.faults:
        raise ConfigError(reader.faults)
    return seed


@dataclass
class _Reader:
    """Turns the tree into keys and services and collects every fault."""

    file: str
    faults: list[Fault] = field(default_factory=list)

    def seed(self, tree: Tree) -> Seed:
        if not isinstance(tree, Branch):
            self._fault(tree.place, "", "is no seed; it has a `kv:` mapping, and may have `prefix:` and `services:`")
            return Seed(())
        for name, place in tree.places.items():
            if name not in ("prefix", "kv", "services"):
                self._fault(place, name, "is not known here; a seed has prefix, kv and services")
        prefix = self._text(tree.pairs.get("prefix"), "prefix")
        if prefix and not prefix.endswith("/"):
            self._fault(tree.pairs["prefix"].place, "prefix", f"has to end in /; write {prefix}/")
        services = tree.pairs.get("services")
        return Seed(
            keys=tuple(self._keys(tree.pairs.get("kv"), prefix)),
            services=None if services is None else self._services(services),
        )

    # --- keys ---

    def _keys(self, tree: Tree | None, prefix: str) -> Iterator[RawKey]:
        if tree is None or _is_null(tree):
            return
        if not isinstance(tree, Branch):
            self._fault(tree.place, "kv", "is not a mapping of keys to values")
            return
        seen: set[str] = set()
        for key, place, value in self._flat(tree, prefix):
            if key in seen:
                self._fault(place, "kv", f"the key {key} comes twice")
            seen.add(key)
            yield RawKey(key, self._value(value, key), 0)

    def _flat(self, tree: Branch, prefix: str) -> Iterator[tuple[str, Place, Tree]]:
        """Yield every key with its value; a name that ends in `/` is a folder, and its mapping holds more keys."""
        for name, value in tree.pairs.items():
            if name.endswith("/") and isinstance(value, Branch):
                yield from self._flat(value, prefix + name)
            elif name.endswith("/") and not _is_null(value):
                self._fault(value.place, f"kv.{name}", "is a folder (it ends in /), and holds no mapping of keys")
            elif not name:
                self._fault(tree.places[name], "kv", "has a key without a name")
            elif not name.endswith("/"):
                yield prefix + name, tree.places[name], value

    def _value(self, tree: Tree, key: str) -> bytes:
        if not isinstance(tree, Scalar):
            return json.dumps(_plain(tree), ensure_ascii=False, separators=(",", ":")).encode()
        if tree.binary:
            try:
                return base64.b64decode("".join(tree.text.split()), validate=True)
            except (binascii.Error, ValueError):
                self._fault(tree.place, f"kv.{key}", "is not base64")
                return b""
        return b"" if _is_null(tree) else tree.text.encode()

    # --- services ---

    def _services(self, tree: Tree) -> dict[str, tuple[Instance, ...]]:
        if _is_null(tree):
            return {}
        if not isinstance(tree, Branch):
            self._fault(tree.place, "services", "is not a mapping of service names to instances")
            return {}
        return {name: self._instances(name, value) for name, value in sorted(tree.pairs.items())}

    def _instances(self, name: str, tree: Tree) -> tuple[Instance, ...]:
        if not isinstance(tree, Items):
            self._fault(tree.place, f"services.{name}", "is not a list of instances")
            return ()
        found = [self._instance(name, number, one) for number, one in enumerate(tree.items, 1)]
        return tuple(sorted((one for one in found if one), key=lambda one: (one.id, one.node)))

    def _instance(self, name: str, number: int, tree: Tree) -> Instance | None:
        path = f"services.{name}.{number - 1}"
        if not isinstance(tree, Branch):
            self._fault(tree.place, path, "is no instance; it has at least address and port")
            return None
        for extra in tree.places.keys() - set(_FIELDS):
            self._fault(tree.places[extra], f"{path}.{extra}", f"is not known here; write one of {', '.join(_FIELDS)}")
        status = self._text(tree.pairs.get("status"), f"{path}.status") or "passing"
        if status not in _STATUSES:
            self._fault(tree.pairs["status"].place, f"{path}.status", "is not passing, warning or critical")
        address = self._text(tree.pairs.get("address"), f"{path}.address")
        if not address:
            self._fault(tree.place, f"{path}.address", "is missing; write where the instance listens")
        return Instance(
            id=self._text(tree.pairs.get("id"), f"{path}.id") or f"{name}-{number}",
            name=name,
            address=address,
            port=self._port(tree, path),
            tags=self._tags(tree.pairs.get("tags"), f"{path}.tags"),
            meta=self._meta(tree.pairs.get("meta"), f"{path}.meta"),
            status=status,
            node=self._text(tree.pairs.get("node"), f"{path}.node") or "seed",
        )

    def _port(self, tree: Branch, path: str) -> int:
        text = self._text(tree.pairs.get("port"), f"{path}.port")
        if text.isascii() and text.isdecimal() and len(text) < 6 and int(text) <= _MAX_PORT:
            return int(text)
        place = tree.pairs["port"].place if "port" in tree.pairs else tree.place
        self._fault(place, f"{path}.port", f"is not a port; write a number up to {_MAX_PORT}")
        return 0

    def _tags(self, tree: Tree | None, path: str) -> tuple[str, ...]:
        if tree is None or _is_null(tree):
            return ()
        if not isinstance(tree, Items):
            self._fault(tree.place, path, "is not a list of tags")
            return ()
        return tuple(self._text(one, path) for one in tree.items)

    def _meta(self, tree: Tree | None, path: str) -> dict[str, str]:
        if tree is None or _is_null(tree):
            return {}
        if not isinstance(tree, Branch):
            self._fault(tree.place, path, "is not a mapping of texts")
            return {}
        return {name: self._text(value, f"{path}.{name}") for name, value in tree.pairs.items()}

    # --- both ---

    def _text(self, tree: Tree | None, path: str) -> str:
        if tree is None or _is_null(tree):
            return ""
        if isinstance(tree, Scalar) and not tree.binary:
            return tree.text
        self._fault(tree.place, path, "is not a text")
        return ""

    def _fault(self, place: Place, path: str, message: str) -> None:
        self.faults.append(place.fault(path, message))


def _is_null(tree: Tree) -> bool:
    return isinstance(tree, Scalar) and tree.plain and tree.text in _NULLS


def _plain(tree: Tree) -> object:
    """Return a value inside JSON: unquoted scalars are what JSON would read in them, all others texts."""
    if isinstance(tree, Branch):
        return {name: _plain(value) for name, value in tree.pairs.items()}
    if isinstance(tree, Items):
        return [_plain(one) for one in tree.items]
    if not tree.plain:
        return tree.text
    if tree.text in _WORDS:
        return _WORDS[tree.text]
    return _number(tree.text)


def _number(text: str) -> object:
    """Return the number that JSON reads in `text`, or the text where there is none, or one that JSON cannot write."""
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return text
    number = json.loads(text)
    return number if math.isfinite(number) else text
