"""What syncd logs, read from its source: every event with its levels and the fields that it can have."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from syncd.core.model import OPS

LEVELS = ("debug", "info", "warning", "error", "critical")
EXCEPTION = {"exception", "at"}
"""What syncd/cli/logs.py makes of `exc_info`."""


class Logged(NamedTuple):
    """One call that logs; `levels` is empty where the level is another's."""

    place: str
    event: str
    levels: frozenset[str]
    fields: frozenset[str]


def logged(package: Path) -> Iterator[Logged]:
    """Yield every call that logs below a package's folder; ValueError for one that cannot be read from the source."""
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Module):
                tree = node
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from _in_function(path, node)
        outside = [call for call in _own(tree) if _levels(call, {}) is not None]
        if outside:
            raise ValueError(f"{path}:{outside[0].lineno}: logs while it is imported")


def _in_function(path: Path, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Logged]:
    says = {}
    for node in _own(function, ast.Assign):
        if isinstance(node.value, ast.IfExp) and isinstance(node.targets[0], ast.Name):
            levels = [_level(side) for side in (node.value.body, node.value.orelse)]
            if None not in levels:
                says[node.targets[0].id] = frozenset(str(level) for level in levels)
    for call in _own(function):
        levels = _levels(call, says)
        if levels is None:
            continue
        place = f"{path}:{call.lineno}"
        event = call.args[0 if levels else 1]
        if not (isinstance(event, ast.Constant) and isinstance(event.value, str)):
            raise ValueError(f"{place}: the event's name is no plain string")
        fields: set[str] = set()
        for keyword in call.keywords:
            if keyword.arg is None:
                fields |= _spread(place, function, keyword.value)
            else:
                fields |= EXCEPTION if keyword.arg == "exc_info" else {keyword.arg}
        yield Logged(place, event.value, levels, frozenset(fields))


def _own(function: ast.AST, kind: type = ast.Call) -> Iterator[ast.Call]:
    """Yield the nodes of a kind in a function, without those of functions in it; lambdas belong to it."""
    for child in ast.iter_child_nodes(function):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(child, kind):
            yield child
        yield from _own(child, kind)


def _levels(call: ast.Call, says: dict[str, frozenset[str]]) -> frozenset[str] | None:
    """Return the levels that a call logs at, None where it does not log."""
    if isinstance(call.func, ast.Name):
        return says.get(call.func.id)
    level = _level(call.func)
    if level == "log":
        return frozenset()
    return None if level is None else frozenset({level})


def _level(called: ast.AST) -> str | None:
    """Return the method where this is one of a structlog logger."""
    if not isinstance(called, ast.Attribute) or called.attr not in (*LEVELS, "log"):
        return None
    return called.attr if ast.unparse(called.value) in ("_log", "log", "structlog.get_logger()") else None


def _spread(place: str, function: ast.AST, value: ast.AST) -> set[str]:
    """Return the keys of a dict that is built in the function: by op, or one by one."""
    found: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.DictComp) and ast.unparse(node.generators[0].iter) == "OPS":
            found |= set(OPS)
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == ast.unparse(value):
            if not isinstance(node.slice, ast.Constant):
                raise ValueError(f"{place}: a field's name is no plain string")
            found.add(str(node.slice.value))
    if not found:
        raise ValueError(f"{place}: cannot see what **{ast.unparse(value)} holds")
    return found
