"""Finds what syncd can print as an error: the sentences in its source, with `…` for what is filled in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DISPLAY = ("cli/", "core/explain/", "core/graph/", "core/report/", "dev/", "web/")
"""Folders that print results: of them only what is raised, or is given to an error, counts."""
_RAISED = re.compile(r"(Error|Fault|Refusal|Refused|Denied|Unavailable|fault)$")
_CODE = re.compile(r"^(SELECT|INSERT|UPDATE|DELETE|CREATE|BEGIN|PRAGMA|COMMIT)\b|\| None$|\\[wdns]|\(\?|\[\^")
_WORD = re.compile(r"[A-Za-z]{2,}")
_FILLED = re.compile(r"\{[\w:!.]*\}|…")


class Message(NamedTuple):
    """A sentence in the source, as it is filled in there, and where it stands."""

    where: str
    text: str


def messages(package: Path) -> Iterator[Message]:
    """Yield every sentence (two words and more) that syncd may say when something is wrong."""
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        tree = ast.parse(path.read_text())
        roots: list[ast.AST] = [tree]
        if name.startswith(DISPLAY):
            roots = [node for node in ast.walk(tree) if _raises(node)]
        for line, text in sorted({found for root in roots for found in _literals(root)}):
            plain = normal(text)
            if " " in plain and len(_WORD.findall(plain)) > 1 and not _CODE.search(text.strip()):
                yield Message(f"syncd/{name}:{line}", plain)


def normal(text: str) -> str:
    """Return a text as it is compared: one line, `…` for what is filled in, no backquotes, no marks at its ends."""
    filled = re.sub("…+", "…", _FILLED.sub("…", text.replace("`", "")))
    return " ".join(filled.split()).strip("… ;:,.()")


def covers(shown: str, text: str) -> bool:
    """Return True where a message of the catalogue holds a sentence of the source, word by word."""
    return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", shown) is not None


def _raises(node: ast.AST) -> bool:
    if isinstance(node, ast.Raise):
        return True
    called = node.func if isinstance(node, ast.Call) else None
    name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
    return _RAISED.search(name) is not None


def _literals(root: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and text of each literal: no docstring, no annotation, no part of a larger one."""
    if isinstance(root, ast.Expr) and isinstance(root.value, ast.Constant):
        return
    if isinstance(root, ast.JoinedStr):
        yield root.lineno, "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in root.values)
        for part in root.values:
            if isinstance(part, ast.FormattedValue):
                yield from _literals(part.value)
        return
    if isinstance(root, ast.Constant) and isinstance(root.value, str):
        yield root.lineno, root.value
    skipped = {"annotation", "returns"}
    for name, child in ast.iter_fields(root):
        for one in child if isinstance(child, list) else [child]:
            if isinstance(one, ast.AST) and name not in skipped:
                yield from _literals(one)
