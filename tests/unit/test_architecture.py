"""The house keeps its order: imports run one way, the core is pure, files and functions are small."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "syncd"
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 50

# design.md, "The house": who may import whom, beside itself. `syncd` is the root (`__init__`, `__main__`).
ARROWS: dict[str, set[str]] = {
    "core": set(),
    "config": {"core"},
    "consul": {"core"},
    "sources": {"consul", "core"},
    "targets": {"core"},
    "reloads": {"core"},
    "web": {"core"},
    "engine": {"sources", "consul", "targets", "reloads", "web", "config", "core"},
    "dev": {"engine", "sources", "consul", "targets", "reloads", "web", "config", "core"},
    "cli": {"dev", "engine", "sources", "consul", "targets", "reloads", "web", "config", "core"},
}
# The base of the part of the config that a target brings itself; `config` knows no target of any kind.
ALLOWED = {("config", "syncd.targets.base")}
# What reads or writes, waits, draws lots, tells the time, logs or looks at the environment has no place in the core.
IMPURE_WORDS = """
aiohttp apscheduler asyncio cloudflare consul ctypes fcntl getpass glob http httpx importlib.resources io logging
multiprocessing os pathlib platform random requests rich secrets select shutil signal socket sqlite3 ssl stamina
structlog subprocess sys tempfile threading time typer urllib.request uuid warnings watchfiles
"""
IMPURE = set(IMPURE_WORDS.split())
PURE_AFTER_ALL = {"pathlib.PurePath", "pathlib.PurePosixPath", "os.path", "io.StringIO", "io.BytesIO"}
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "breakpoint"}


def python_files(*folders: str) -> list[Path]:
    """Return our Python files below the folders (those that exist)."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(), str(path))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of all that a file imports, wherever in the file; relative imports made absolute."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) + 1 - node.level]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            yield from ((node.lineno, f"{module}.{name.name}") for name in node.names)


def forbidden_arrow(house: str, name: str) -> bool:
    """Return whether a file in `house` (first folder below syncd/) may not import `name`."""
    parts = name.split(".")
    if any(house == who and starts_with(name, {what}) for who, what in ALLOWED):
        return False
    if parts[0] != "syncd" or len(parts) == 1 or parts[1] not in ARROWS:
        return False
    return parts[1] != house and parts[1] not in ARROWS[house]


def starts_with(name: str, names: set[str]) -> bool:
    """Return whether a dotted name is one of `names` or lies below one."""
    return any(name == other or name.startswith(other + ".") for other in names)


def test_every_house_is_known() -> None:
    """A new folder below syncd/ needs a place in the order first."""
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders <= set(ARROWS), "give the new package its arrows in ARROWS"


@pytest.mark.parametrize("house", ARROWS)
def test_imports_run_one_way(house: str) -> None:
    """No import runs up, or across between sources, targets, reloads and web."""
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {house} must not import {name}"
        for path in python_files(f"syncd/{house}")
        for line, name in imports(path)
        if forbidden_arrow(house, name)
    ]
    assert not wrong, "\n".join(wrong)


def test_core_is_pure() -> None:
    """The core imports nothing that does I/O, tells the time, draws lots or logs, and calls no open() or print()."""
    wrong = []
    for path in python_files("syncd/core"):
        named = [(line, name) for line, name in imports(path) if not starts_with(name, PURE_AFTER_ALL)]
        wrong += [(path, line, name) for line, name in named if starts_with(name, IMPURE)]
        wrong += [(path, node.lineno, name) for node, name in calls(tree(path)) if name in IMPURE_CALLS]
        wrong += [(path, node.lineno, name) for node, name in calls(tree(path)) if name.endswith((".now", ".utcnow"))]
    assert not wrong, "\n".join(f"{path.relative_to(ROOT)}:{line}: {name}" for path, line, name in wrong)


def calls(module: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    """Yield each call with the dotted name that is called, as far as it is written as one."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield node, ast.unparse(node.func)


def test_only_our_consul_package_knows_consul() -> None:
    """python-consul2 is imported in syncd/consul/ and nowhere else."""
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in python_files("syncd")
        if PACKAGE / "consul" not in path.parents
        for line, name in imports(path)
        if starts_with(name, {"consul"})
    ]
    assert not wrong, "\n".join(wrong)


def test_files_and_functions_are_small() -> None:
    """When a file or a function grows past its limit, it has two jobs."""
    wrong = []
    for path in python_files("syncd", "tests", "scripts", "bench"):
        lines = len(path.read_text().splitlines())
        if lines > MAX_FILE_LINES:
            wrong.append(f"{path.relative_to(ROOT)}: {lines} lines")
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} has {length} lines")
    assert not wrong, "\n".join(wrong)


def test_lock_files_hold_no_address() -> None:
    """Where packages come from is the machine's business."""
    locks = [*ROOT.glob("*.lock"), *(ROOT / "deploy").rglob("*.lock"), *(ROOT / "tests").rglob("package-lock.json")]
    assert len(locks) >= 6
    assert not [lock.name for lock in locks if "://" in lock.read_text()]
