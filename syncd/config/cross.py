"""Faults between fields: what is named and is not there, what is written twice, what contradicts itself.

They are found on the raw tree, so that a wrong field does not hide them. Looks whether files exist; nothing else.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import cast

from syncd.config.models import WAYS
from syncd.config.nodes import Mark, Node, Path, Scalar, Table, find, mark_of, quoted, texts
from syncd.config.words import join, suggest
from syncd.core.errors import Fault
from syncd.targets.base import Claim, Raw, Reference, TargetConfig

Report = Callable[[Path, str], Fault]
Hooks = Mapping[str, tuple[type[TargetConfig], ...]]
"""For each target, whose hooks to ask: its kind's, or every kind's where its kind is wrong."""


def check(root: Table, base_dir: FilePath, hooks: Hooks, report: Report) -> Iterator[Fault]:
    """Return every fault between the fields of a config, in no order."""
    targets = {name: node for name, node in _tables(root, "targets") if name in hooks}
    reloads = find(root, ("reloads",))
    names = list(reloads.items) if isinstance(reloads, Table) else []
    for name, target in targets.items():
        raw = cast(Raw, texts(target))
        for one in dict.fromkeys(one for kind in hooks[name] for one in kind.references(raw)):
            yield from _missing(root, name, one, names, base_dir, report)
    yield from _written_twice(root, targets, hooks, base_dir, report)
    yield from _contradictions(root, report)


def _tables(root: Table, section: str) -> Iterator[tuple[str, Table]]:
    held = find(root, (section,))
    for name, node in held.items.items() if isinstance(held, Table) else ():
        if isinstance(node, Table):
            yield name, node


def _missing(
    root: Table, target: str, reference: Reference, reloads: list[str], base_dir: FilePath, report: Report
) -> Iterator[Fault]:
    path = ("targets", target, reference.field)
    node = find(root, path)
    if isinstance(node, Scalar) and node.unknown:
        return
    shown = quoted(node.shown if isinstance(node, Scalar) else reference.name)
    if reference.what == "reload":
        if reference.name not in reloads:
            hint = suggest(reference.name, reloads, "reloads of this file") if reloads else "add it under reloads"
            yield report(path, f"{shown} is not a reload of this file; {hint}")
    elif not (base_dir / reference.name).is_file():
        words = "does not exist; create it, or write its path relative to the config file's folder"
        yield report(path, f"{shown} {words}")


def _written_twice(
    root: Table, targets: Mapping[str, Table], hooks: Hooks, base_dir: FilePath, report: Report
) -> Iterator[Fault]:
    held: dict[tuple[str, ...], list[tuple[str, Claim, Mark]]] = {}
    for name, target in targets.items():
        raw = cast(Raw, texts(target))
        for claim in dict.fromkeys(one for kind in hooks[name] for one in kind.claims(raw, base_dir)):
            path = ("targets", name, claim.field)
            others = held.setdefault(claim.space, [])
            for other, first, mark in others:
                if other != name and _collide(claim, first):
                    node = find(root, path)
                    shown = quoted(node.shown) if isinstance(node, Scalar) and node.shown else "the same place"
                    words = f"{shown} is already written by target '{other}' (line {mark.line})"
                    yield report(path, f"{words}; give this target another {claim.field}")
                    break
            others.append((name, claim, mark_of(root, path)))


def _collide(one: Claim, other: Claim) -> bool:
    return one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)


def _contradictions(root: Table, report: Report) -> Iterator[Fault]:
    for name, reload in _tables(root, "reloads"):
        at = ("reloads", name)
        ways = _present(reload, WAYS)
        if len(ways) > 1:
            yield report(at, f"has {' and '.join(ways)}; keep one of them")
        elif not ways and not _present(reload, ("check",)):
            yield report(at, f"does nothing; write check, {join(WAYS)}")
        signal = reload.items.get("signal")
        if isinstance(signal, Table) and len(_present(signal, ("pid_file", "process"))) != 1:
            yield report((*at, "signal"), "needs one of pid_file and process; write exactly one")
    consul = root.items.get("consul")
    if isinstance(consul, Table) and len(_present(consul, ("token", "token_file"))) > 1:
        yield report(("consul", "token_file"), "stands beside token; keep one of them")
    tls = consul.items.get("tls") if isinstance(consul, Table) else None
    if isinstance(tls, Table) and len(_present(tls, ("cert_file", "key_file"))) == 1:
        yield report(("consul", "tls"), "has one of cert_file and key_file; write both or none")


def _present(table: Table, names: tuple[str, ...]) -> list[str]:
    """Return the names under which something stands: neither null nor empty text."""
    return [name for name in names if _stands(table.items.get(name))]


def _stands(node: Node | None) -> bool:
    return node is not None and not (isinstance(node, Scalar) and not node.unknown and node.value in (None, ""))
