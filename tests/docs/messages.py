"""Finds what syncd can print as an error: the sentences in its source, with `…` for what is filled in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

STAND_INS = ("dev/consul_server/", "dev/kv_server/")
"""They answer in the words of those whose place they take."""
DISPLAY = (
    *(
        "cli/",
        "core/explain/",
        "core/graph/",
        "core/history/lines",
        "core/notices",
        "core/report/",
        "dev/",
        "engine/explaining",
        "engine/graphing",
    ),
    *("web/counters", "web/events", "web/metrics", "web/page", "web/words"),
)
"""What prints results: of it only what is raised, given to an error, or printed to stderr counts."""
_RAISED = re.compile(r"(Error|Fault|Refusal|Refused|Denied|Unavailable|Taken|fault|error)$")
_SQL = r"^(SELECT|INSERT|UPDATE|DELETE|CREATE|BEGIN|PRAGMA|COMMIT|WHERE)\b|\b\w+ = \?|^\w+(, \w+){4,}$"
_CODE = re.compile(rf"{_SQL}|\| None$|\\[wdns]|\(\?|\[\^")
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
        if name.startswith(STAND_INS):
            continue
        tree: ast.AST = ast.parse(path.read_text())
        roots = list(_erring(tree)) if name.startswith(DISPLAY) else [tree]
        for line, text in sorted({found for root in roots for found in _literals(root)}):
            plain = normal(text)
            if " " in plain and len(_WORD.findall(plain)) > 1 and not _CODE.search(text.strip()):
                yield Message(f"syncd/{name}:{line}", plain)


def normal(text: str) -> str:
    """Return a text as it is compared: one line, `…` for what is filled in, no backquotes, no marks at its ends."""
    filled = re.sub("…+", "…", _FILLED.sub("…", text.replace("`", "")))
    return " ".join(filled.split()).strip("… ;:,.()#\\")


def covers(shown: str, text: str) -> bool:
    """Return True where a message of the catalogue holds a sentence of the source, word by word."""
    words = ".*?".join(re.escape(part) for part in text.split("…"))
    return re.search(rf"(?<!\w){words}(?!\w)", shown) is not None


def _erring(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what is raised or given to an error, what a function that raises has put together, and what is warned."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = list(ast.walk(node))
            if any(isinstance(one, ast.Raise) for one in inner):
                yield from (one for one in inner if isinstance(one, ast.Assign))
        warns = isinstance(node, ast.Call) and any(word.arg == "file" for word in node.keywords)
        if warns or isinstance(node, ast.Raise) or _RAISED.search(_name(node)):
            yield node


def _name(node: ast.AST) -> str:
    """Return the name of a function that is made or called."""
    if isinstance(node, ast.FunctionDef):
        return node.name
    called = node.func if isinstance(node, ast.Call) else None
    return called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""


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
