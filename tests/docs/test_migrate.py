"""docs/migrate: every row is run: a snippet rendered, an option loaded, a command parsed; a `none` has its reason."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from syncd.cli.main import app
from syncd.config.load import load
from syncd.config.models import Config
from syncd.core.model import Instance
from syncd.core.snapshot import View
from syncd.engine.reading import is_file
from syncd.engine.setup import build
from syncd.targets.registry import configs
from tests.docs.reader import ROOT
from tests.docs.tables import Row, codes, rows
from tests.unit.templating.rendering import rendering, snapshot

TOOLS = ("consul-template", "envconsul", "confd")
PAGES = {tool: ROOT / "docs" / "migrate" / f"{tool}.md" for tool in TOOLS}
ROWS = [(tool, row) for tool in TOOLS for row in rows(PAGES[tool]) if row.section != "What is different"]
RENDERED = [(tool, row) for tool, row in ROWS if "gives" in row.head]
UPSTREAM = yaml.safe_load((Path(__file__).parent / "upstream.yaml").read_text())
TEMPLATE = {"kind": "template", "template": "web.j2", "path": "out/web.conf"}
ENV_FILE = {"kind": "env_file", "path": "out/app.env"}


def named(cases: list[tuple[str, Row]]) -> pytest.MarkDecorator:
    """Return the cases as parameters, each called by its page and line."""
    return pytest.mark.parametrize(("tool", "row"), cases, ids=[f"{tool}:{row.line}" for tool, row in cases])


def none(row: Row) -> bool:
    """Return True where the row says that there is no counterpart."""
    return row.cells[1].startswith("none:")


def world(tool: str) -> dict[str, Any]:
    """Return what the page says that its rows are rendered with."""
    text = PAGES[tool].read_text()
    blocks = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)]
    found: dict[str, Any] = next(block for block in blocks if "keys" in block)
    return found


@named(RENDERED)
def test_what_a_row_gives(tool: str, row: Row, tmp_path: Path) -> None:
    """The middle of the row, rendered with what the page says, is what stands on its right."""
    if none(row):
        assert not row.cells[2]
        return
    ((snippet,), (expected,)) = row.codes(1), row.codes(2)
    said = in_env_file(tool, snippet, tmp_path) if tool == "envconsul" else in_template(tool, snippet)
    if row.cells[2].startswith("fault"):
        assert expected in said
    elif tool == "envconsul":
        assert expected in said.splitlines()
    else:
        assert said.rstrip() == expected


def in_template(tool: str, snippet: str) -> str:
    """Return what a template gives, or why it cannot be rendered."""
    given = world(tool)
    services = {
        name: tuple(Instance(**{**one, "name": name, "tags": tuple(one["tags"])}) for one in found)
        for name, found in given["services"].items()
    }
    keys = {key: value.encode() for key, value in given["keys"].items()}
    made = rendering(snippet, snapshot(keys, services), files=given.get("files"), env=given["env"])
    if made.fault is not None or made.missing:
        return made.fault or "; ".join(f"key '{key}' has no value" for key in made.missing)
    assert made.content is not None
    return made.content.decode()


def in_env_file(tool: str, snippet: str, folder: Path) -> str:
    """Return the env file that a target with this part of a config gives."""
    setup = build(load(config_file(folder, snippet, ENV_FILE), configs(), {}), {})
    target = setup.targets["one"]
    seen = snapshot({key: value.encode() for key, value in world(tool)["keys"].items()})
    assert is_file(target)
    wanted = target.desired(View(seen), View(seen, mask=True))
    assert (wanted.error, wanted.missing, wanted.faults) == (None, (), ())
    content = wanted.entries[ENV_FILE["path"]].content
    assert content is not None
    return content.decode()


@named([(tool, row) for tool, row in ROWS if not none(row) and "gives" not in row.head])
def test_what_a_row_names_exists(tool: str, row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command is parsed by the command line, each part of a config is loaded."""
    monkeypatch.chdir(tmp_path)
    Path("web.j2").touch()
    counterpart = row.cells[1].split("`: ", 1)[0] + "`"
    found = codes(counterpart)
    assert found, f"no counterpart, and no «none: reason»: {row.cells[1]}"
    for one in found:
        if one.startswith("syncd "):
            parsed(one)
        elif not re.fullmatch(r"reload: \w+", one):
            loaded(one)


def parsed(line: str) -> None:
    """Parse a command line as `syncd` would; nothing is run."""
    words = shlex.split(line)[1:]
    group: Any = typer.main.get_command(app)
    if words in (["--version"], ["--help"]):
        known = group.get_params(group.make_context("syncd", ["plan"]))
        assert any(words[0] in parameter.opts for parameter in known)
        return
    at = next(at for at, word in enumerate(words) if word in group.commands)
    context = group.make_context("syncd", words[: at + 1])
    group.commands[words[at]].make_context(words[at], words[at + 1 :], parent=context)


def loaded(snippet: str) -> None:
    """Load a part of a config, at the top or in a target, as its first key says."""
    assert load(config_file(Path(), snippet, TEMPLATE), configs(), {}).config


def config_file(folder: Path, snippet: str, target: dict[str, Any]) -> Path:
    """Write a whole config around a part of one; a part without a place at the top goes into the target."""
    part = yaml.safe_load(snippet)
    assert isinstance(part, dict), snippet
    one = dict(target)
    whole: dict[str, Any] = {"version": 1, "owner": "me", "targets": {"one": one}}
    for key, value in part.items():
        (whole if key in Config.model_fields and key != "reload" else one)[key] = value
    if one.get("debounce") is None and "debounce" in part:
        one["debounce"] = part["debounce"]
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(whole, sort_keys=False))
    return path


@named([(tool, row) for tool, row in ROWS if none(row)])
def test_what_has_no_counterpart_says_why(tool: str, row: Row) -> None:
    """A `none` has a reason, or says what to do instead, in words."""
    assert len(row.cells[1].removeprefix("none:").split()) >= 4, row.cells[1]


@pytest.mark.parametrize("tool", TOOLS)
def test_nothing_is_left_out(tool: str) -> None:
    """Every function and option of the tool stands on the left of a row."""
    left = " ".join(code for name, row in ROWS if name == tool for code in row.codes(0))
    words = set(re.findall(r"[\w.]+|-[\w-]+", left)) | set(re.findall(r"-[a-z][\w-]*|\w[\w.]*", left))
    prefixes = tuple(word.removesuffix("…") for word in re.findall(r"-[\w-]+…", left))
    missing = [
        one
        for one in f"{UPSTREAM['functions'][tool]} {UPSTREAM['options'][tool]}".split()
        if one not in words and not (one.startswith("-") and one.startswith(prefixes or ("\0",)))
    ]
    assert not missing, f"docs/migrate/{tool}.md has no row for: {', '.join(missing)}"
