"""Every kind of target by its name; a kind is imported when it is first asked for.

A kind is an object `KIND` of type TargetKind. Other packages bring kinds by the entry point group `syncd.targets`: the
entry point's name is the kind, its object the TargetKind. A built-in kind cannot be replaced.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

from syncd.targets.base import BrokenKind, TargetConfig, TargetKind

GROUP = "syncd.targets"
BUILT_IN = {
    "cloudflare_kv": "syncd.targets.cloudflare_kv",
    "env_file": "syncd.targets.env_file",
    "template": "syncd.targets.template",
}


@cache
def kinds() -> Mapping[str, TargetKind]:
    """Return every kind by name; asking for one imports it, and raises BrokenKind where that fails."""
    return _Kinds()


def configs() -> Mapping[str, type[TargetConfig]]:
    """Return the model of every kind by name, each imported when it is asked for."""
    return _Configs(kinds())


class _Kinds(Mapping[str, TargetKind]):
    """The kinds of this installation."""

    def __init__(self) -> None:
        self._known: dict[str, TargetKind] = {}

    def __getitem__(self, name: str) -> TargetKind:
        if name not in self._known:
            module = BUILT_IN.get(name)
            self._known[name] = import_module(module).KIND if module else _brought(name)
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in BUILT_IN or name in _entry_points()

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*BUILT_IN, *_entry_points())))

    def __len__(self) -> int:
        return len(list(iter(self)))


class _Configs(Mapping[str, type[TargetConfig]]):
    """The models of the kinds."""

    def __init__(self, of: Mapping[str, TargetKind]) -> None:
        self._of = of

    def __getitem__(self, name: str) -> type[TargetConfig]:
        return self._of[name].config

    def __contains__(self, name: object) -> bool:
        return name in self._of

    def __iter__(self) -> Iterator[str]:
        return iter(self._of)

    def __len__(self) -> int:
        return len(self._of)


def _entry_points() -> tuple[str, ...]:
    from importlib.metadata import entry_points  # only a kind of another package costs this

    return tuple(sorted(entry_points(group=GROUP).names))


def _brought(name: str) -> TargetKind:
    from importlib.metadata import entry_points

    found = entry_points(group=GROUP, name=name)
    if not found:
        raise KeyError(name)
    point = next(iter(found))
    try:
        kind = point.load()
    except Exception as error:  # whatever a foreign package raises while it is imported
        raise BrokenKind(f"the entry point {point.value} fails: {type(error).__name__}: {error}") from error
    if not isinstance(kind, TargetKind):
        raise BrokenKind(f"the entry point {point.value} is no TargetKind")
    return kind
