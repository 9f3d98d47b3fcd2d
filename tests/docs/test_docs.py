"""README and docs/: what they show is what happens, what they point to is there, and no command is left out."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer

from syncd.cli.main import app
from tests.docs.reader import ROOT, read_and_type
from tests.support.consul import ConsulServer
from tests.support.kv_server import WorkersKV

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
COMMANDS = (ROOT / "docs/commands.md").read_text()
FENCED = re.compile(r"^(```+).*?^\1$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
# In parts, so that this file names none of them.
HOSTS = ("pypi" + ".org", "python" + "hosted.org", "registry.npm" + "js.org", "debian" + ".org", "crates" + ".io")
OURS = re.compile(r"(^|[^A-Za-z0-9_.])/(wo" + r"rk|fa" + r"rm|ro" + r"ot)/")


def test_readme_answers_as_it_shows(
    tmp_path: Path, make_consul: Callable[..., ConsulServer], kv_namespace: WorkersKV
) -> None:
    """Every runnable block, typed into one shell against real servers, answers what stands below it."""
    read_and_type("README.md", tmp_path, make_consul(acl=True), kv_namespace)


def commands() -> Iterator[tuple[str, list[Any]]]:
    """Yield the options of all commands under the name "", then every command with its parameters."""
    group: Any = typer.main.get_command(app)
    yield "", group.params
    for name, command in group.commands.items():
        yield name, command.params


@pytest.mark.parametrize(("name", "parameters"), list(commands()))
def test_every_command_and_option_is_in_the_docs(name: str, parameters: list[Any]) -> None:
    """Each has a section in docs/commands.md with a row per option of its own, and a row in README."""
    title = name or "Options of every command"
    assert f"\n## {title}\n" in COMMANDS, f"docs/commands.md has no section '{title}'"
    section = COMMANDS.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    everywhere = {option for parameter in next(commands())[1] for option in parameter.opts}
    for parameter in parameters:
        for option in parameter.opts:
            if option.startswith("-") and (not name or option not in everywhere):
                assert f"`{option}" in section, f"docs/commands.md#{name} does not name {option}"
    if name:
        assert f"`syncd {name}" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    """To a file or folder of this repository, and to a heading that is in it."""
    for link in LINK.findall(FENCED.sub("", page.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        there = page.parent / unquote(path) if path else page
        assert there.exists(), f"{page.name}: {link}: no such file"
        assert there.resolve().is_relative_to(ROOT), f"{page.name}: {link}: outside of the repository"
        assert not anchor or anchor in anchors(there), f"{page.name}: {link}: no such heading"


def anchors(page: Path) -> set[str]:
    """Return what the headings of a page are called in links."""
    titles = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_no_file_names_a_registry_or_the_machine_it_was_written_on() -> None:
    """Whoever clones this has another machine, and may have other registries."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    found = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        for number, line in enumerate(path.read_text(errors="replace").splitlines() if path.is_file() else (), 1):
            if OURS.search(line) or any(host in line for host in HOSTS):
                found.append(f"{name}:{number}: {line.strip()[:100]}")
    assert not found, "\n".join(found)
