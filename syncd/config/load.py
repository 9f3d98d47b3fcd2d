"""Load a config file: all of its faults at once, or the configuration."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath

from syncd.config import cross
from syncd.config.compose import compose
from syncd.config.expand import Expansion
from syncd.config.models import DEFAULT_ADDRESS, Config, check_name
from syncd.config.nodes import Node, Path, Scalar, Table, fault, find, key_mark, mark_of, path_of, quoted
from syncd.config.validate import validate
from syncd.config.words import suggest
from syncd.core.digest import sha256_hex
from syncd.core.errors import ConfigError, Fault
from syncd.targets.base import BrokenKind, TargetConfig

MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration without faults, and where each part of it stands.

    `fingerprint` is the SHA-256 of the expanded configuration without its secrets: another namespace is another
    fingerprint, another token is not. `warnings` are what `check` says beside faults.
    """

    config: Config
    path: FilePath
    base_dir: FilePath
    """The config file's folder, absolute: what relative paths are relative to."""
    warnings: tuple[Fault, ...]
    fingerprint: str
    digest: str
    """SHA-256 of the file's bytes."""
    root: Table

    def resolve(self, path: str) -> FilePath:
        """Return a path of the configuration as an absolute one."""
        return self.base_dir / path

    def fault(self, dotted: str, message: str) -> Fault:
        """Return a fault that points at a dotted path such as `targets.edge.keys`, or at the nearest thing above it."""
        mark = mark_of(self.root, path_of(self.root, dotted))
        return replace(fault(str(self.path), mark, (), message), path=dotted)

    def locate(self, dotted: str) -> str:
        """Return `FILE:LINE:COL` of a dotted path, or of the nearest thing above it."""
        found = self.fault(dotted, "")
        return f"{found.file}:{found.line}:{found.column}"


def load(
    path: str | FilePath, kinds: Mapping[str, type[TargetConfig]], environ: Mapping[str, str], offline: bool = False
) -> Loaded:
    """Return the configuration that a file holds.

    Args:
        path: the config file; faults name it as it is written here.
        kinds: the model of every kind of target, as `syncd.targets.registry.configs()` gives them.
        environ: what `${VAR}` may read.
        offline: a variable that is not set is a warning; what cannot be built without it is left out.

    Raises:
        ConfigError: every fault that was found.
    """
    return _Loader(FilePath(path), kinds, environ, offline).load()


class _Loader:
    """One run: collects faults and warnings until the end."""

    def __init__(
        self, path: FilePath, kinds: Mapping[str, type[TargetConfig]], environ: Mapping[str, str], offline: bool
    ) -> None:
        self.path = path
        self.file = str(path)
        self.base_dir = path.absolute().parent
        self.kinds = kinds
        self.environ = environ
        self.offline = offline
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []

    def load(self) -> Loaded:
        """Return the configuration, or raise all faults."""
        data = self.read()
        self.root = _with_address(compose(self.file, data))
        expansion = Expansion(self.file, self.environ)
        expanded = expansion.tree(self.root)
        assert isinstance(expanded, Table)  # noqa: S101
        self.root = expanded
        self.faults += expansion.broken
        (self.warnings if self.offline else self.faults).extend(expansion.unset)
        config = self.config()
        if config is None and not self.faults:
            self.faults += expansion.unset  # offline, and nothing can be built without them
        if config is None or self.faults:
            raise ConfigError(self.faults)
        self.warn(config)
        dump = config.model_dump(mode="json", exclude_unset=True)
        fingerprint = sha256_hex(json.dumps(dump, separators=(",", ":")).encode())
        warnings = tuple(sorted(set(self.warnings)))
        return Loaded(config, self.path, self.base_dir, warnings, fingerprint, sha256_hex(data), self.root)

    def read(self) -> bytes:
        """Return the file's bytes."""
        try:
            with self.path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            words = f"cannot be read: {why}; name the config file with --config or SYNCD_CONFIG"
            raise ConfigError([fault(self.file, None, (), words)]) from error
        if len(data) > MAX_BYTES:
            raise ConfigError([fault(self.file, None, (), f"is larger than {MAX_BYTES} bytes; make it smaller")])
        return data

    def report(self, path: Path, words: str, at_key: bool = False) -> Fault:
        """Return a fault at a path of this file."""
        mark = key_mark(self.root, path) if at_key else mark_of(self.root, path)
        return fault(self.file, mark, path, words)

    def config(self) -> Config | None:
        """Return the whole configuration, None where something is wrong with it."""
        targets = self.root.items.get("targets")
        shell = self.root
        if isinstance(targets, Table):
            shell = replace(shell, items={**shell.items, "targets": replace(targets, items={})})
        config, faults = validate(Config, shell, self.report)
        self.faults += faults
        hooks: dict[str, tuple[type[TargetConfig], ...]] = {}
        built: dict[str, TargetConfig] = {}
        for name, node in targets.items.items() if isinstance(targets, Table) else ():
            self.check_name(("targets", name))
            kind = self.kind(("targets", name), node)
            hooks[name] = (kind,) if kind else tuple(self.every_kind())
            model = self.target(name, node, kind) if kind else None
            if model is not None:
                built[name] = model
        self.faults += cross.check(self.root, self.base_dir, hooks, self.report, tuple(self.faults))
        return config and config.model_copy(update={"targets": built})

    def check_name(self, path: Path) -> None:
        """Find out whether a target can have its name."""
        try:
            check_name(str(path[-1]))
        except ValueError as error:
            self.faults.append(self.report(path, f"{quoted(str(path[-1]))} {error}", at_key=True))

    def kind(self, path: Path, node: Node) -> type[TargetConfig] | None:
        """Return the model of a target's kind; a kind that does not exist is a fault."""
        if not isinstance(node, Table):
            shown = quoted(node.shown) if isinstance(node, Scalar) else "a list"
            self.faults.append(self.report(path, f"{shown} is not a target; write a mapping with its kind"))
            return None
        at = (*path, "kind")
        kind = find(self.root, at)
        if not isinstance(kind, Scalar):
            words = "is missing" if kind is None else "is not text"
            self.faults.append(self.report(at, f"{words}; write one of {', '.join(sorted(self.kinds))}"))
        elif kind.text in self.kinds:
            try:
                return self.kinds[kind.text]
            except BrokenKind as error:
                self.faults.append(self.report(at, f"{quoted(kind.shown)} cannot be used: {error}; mend or remove it"))
        elif not kind.unknown:
            words = f"{quoted(kind.shown)} is not a kind of target; {suggest(kind.text, self.kinds, 'there are')}"
            self.faults.append(self.report(at, words))
        return None

    def every_kind(self) -> list[type[TargetConfig]]:
        """Return the model of every kind that can be used."""
        found = []
        for name in self.kinds:
            try:
                found.append(self.kinds[name])
            except BrokenKind:
                continue
        return found

    def target(self, name: str, node: Node, kind: type[TargetConfig]) -> TargetConfig | None:
        """Return a target's model, None where something is wrong with it or a variable that it needs is not set."""
        path = ("targets", name)
        model, faults = validate(kind, node, lambda below, words, at_key: self.report((*path, *below), words, at_key))
        self.faults += faults
        if model is None and not faults:
            self.warnings.append(self.report(path, "is not checked further: variables that it needs are not set"))
        return model

    def warn(self, config: Config) -> None:
        """Collect what targets warn of."""
        for name, target in config.targets.items():
            for field, words in target.warnings():
                path = ("targets", name, field)
                node = find(self.root, path)
                shown = f"{quoted(node.shown)} " if isinstance(node, Scalar) else ""
                self.warnings.append(self.report(path, shown + words))


def _with_address(root: Table) -> Table:
    """Return the tree with `consul.address` as contract.md §2 has it, where the file does not say."""
    consul = root.items.get("consul", Table(root.mark, {}, {}))
    if not isinstance(consul, Table) or "address" in consul.items:
        return root
    mark = root.marks.get("consul", root.mark)
    address = Scalar(mark, DEFAULT_ADDRESS, DEFAULT_ADDRESS)
    consul = replace(consul, items={**consul.items, "address": address}, marks={**consul.marks, "address": mark})
    return replace(root, items={**root.items, "consul": consul}, marks={**root.marks, "consul": mark})
