"""Faults between fields: what is named and is not there, what is written twice, what contradicts itself.

They are found on the raw tree, so that a wrong field does not hide them. Looks whether files exist; nothing else.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import cast

from syncd.config.nodes import Mark, Node, Path, Scalar, Table, find, mark_of, quoted, texts
from syncd.config.reloads import WAYS
from syncd.config.words import join, suggest
from syncd.core.errors import Fault
from syncd.targets.base import Claim, Raw, Reference, TargetConfig

Report = Callable[[Path, str], Fault]
Hooks = Mapping[str, tuple[type[TargetConfig], ...]]
"""For each target, whose hooks to ask: its kind's, or every kind's where its kind is wrong."""


def check(
    root: Table, base_dir: FilePath, hooks: Hooks, report: Report, known: Iterable[Fault] = ()
) -> Iterator[Fault]:
    """Return every fault between the fields of a config, in no order.

    Args:
        known: faults of single fields: a reload that has one is not said to do nothing, for it was to do that.
    """
    targets = {name: node for name, node in _tables(root, "targets") if name in hooks}
    reloads = find(root, ("reloads",))
    names = list(reloads.items) if isinstance(reloads, Table) else []
    for name, target in targets.items():
        raw = cast(Raw, texts(target))
        for one in dict.fromkeys(one for kind in hooks[name] for one in kind.references(raw)):
            yield from _missing(root, name, one, names, base_dir, report)
    yield from _written_twice(root, targets, hooks, base_dir, report)
    yield from _contradictions(root, report, [one.path for one in known])


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


def _contradictions(root: Table, report: Report, wrong: Sequence[str]) -> Iterator[Fault]:
    for name, reload in _tables(root, "reloads"):
        at: Path = ("reloads", name)
        found = list(_reload_contradictions(at, reload, report))
        yield from found
        does = _present(reload, (*WAYS, "check", "result_file"))
        if not (does or found or any(path.startswith(f"reloads.{name}.") for path in wrong)):
            yield report(at, f"does nothing; write check, result_file, {join(WAYS)}")
    consul = root.items.get("consul")
    if isinstance(consul, Table) and len(_present(consul, ("token", "token_file"))) > 1:
        yield report(("consul", "token_file"), "stands beside token; keep one of them")
    notify = root.items.get("notify")
    if isinstance(notify, Table):
        yield from _header_twice(("notify",), notify, report)
    tls = consul.items.get("tls") if isinstance(consul, Table) else None
    if isinstance(tls, Table) and len(_present(tls, ("cert_file", "key_file"))) == 1:
        yield report(("consul", "tls"), "has one of cert_file and key_file; write both or none")


def _reload_contradictions(at: Path, reload: Table, report: Report) -> Iterator[Fault]:
    ways = _present(reload, WAYS)
    if len(ways) > 1:
        yield report(at, f"has {' and '.join(ways)}; keep one of them")
    yield from _not_one(reload, (*at, "signal"), ("pid_file", "process"), report)
    yield from _not_one(reload, (*at, "docker"), ("service", "label"), report)
    yield from _not_one(reload, (*at, "docker"), ("signal", "exec", "restart"), report)
    yield from _not_one(reload, (*at, "probe"), ("http", "tcp"), report)
    docker = reload.items.get("docker")
    if isinstance(docker, Table) and _present(docker, ("project",)) and not _present(docker, ("service",)):
        yield report((*at, "docker", "project"), "needs service; write it, or leave project out")
    for path in (("http",), ("probe", "http")):
        request = find(reload, path)
        if isinstance(request, Table):
            yield from _header_twice((*at, *path), request, report)


def _not_one(reload: Table, at: Path, names: tuple[str, ...], report: Report) -> Iterator[Fault]:
    part = reload.items.get(str(at[-1]))
    if isinstance(part, Table) and len(_present(part, names)) != 1:
        yield report(at, f"needs one of {', '.join(names[:-1])} and {names[-1]}; write exactly one")


def _header_twice(at: Path, request: Table, report: Report) -> Iterator[Fault]:
    given, files = (request.items.get(one) for one in ("headers", "headers_file"))
    if isinstance(given, Table) and isinstance(files, Table):
        known = {name.lower() for name in given.items}
        for name in files.items:
            if name.lower() in known:
                yield report((*at, "headers_file", name), "stands beside the same name in headers; keep one of them")


def _present(table: Table, names: tuple[str, ...]) -> list[str]:
    """Return the names under which something stands: neither null, nor empty text, nor `false`."""
    return [name for name in names if _stands(table.items.get(name))]


def _stands(node: Node | None) -> bool:
    if not isinstance(node, Scalar) or node.unknown:
        return node is not None
    return node.value not in (None, "") and node.value is not False
