"""docs/configuration.md and what belongs to it: every block of YAML loads, and every key is in the tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from syncd.config.load import load
from syncd.config.schema import schema
from syncd.targets.registry import configs
from tests.unit.config.kinds import write

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "configuration.md").read_text()
PAGES = (PAGE, *((DOCS / name).read_text() for name in ("schedules.md", "notification.md")))
BLOCKS = [one for page in PAGES for one in re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)]
COMMON = ("Every target", "Every file")


def rows(*titles: str) -> set[str]:
    """Return the keys that the tables below some headings name."""
    sections = (PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0] for title in titles)
    return {key for section in sections for key in re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)}


def keys(node: Any, whole: dict[str, Any], path: tuple[str, ...] = ()) -> set[str]:
    """Return the dotted path of every key in a part of the schema; NAME and N stand for names and indices."""
    node = whole["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node
    found = {".".join(path)} if path and path[-1] not in ("NAME", "N") else set()
    for one in (*node.get("anyOf", ()), *node.get("oneOf", ())):
        found |= keys(one, whole, path)
    for name, below in node.get("properties", {}).items():
        found |= keys(below, whole, (*path, name))
    for mark, part in (("NAME", "additionalProperties"), ("N", "items")):
        if isinstance(node.get(part), dict):
            found |= keys(node[part], whole, (*path, mark))
    return found


@pytest.mark.parametrize("at", range(len(BLOCKS)))
def test_every_block_loads(tmp_path: Path, at: int) -> None:
    """As it stands, or behind version, owner and targets where it shows a part; the schema agrees."""
    block = BLOCKS[at]
    for name in re.findall(r"template: (\S+\.j2)", block):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    minimum = {"version": "version: 1\n", "owner": "owner: me\n", "targets": "targets: {}\n"}
    whole = "".join(line for key, line in minimum.items() if not re.search(rf"^{key}:", block, re.MULTILINE)) + block
    assert load(write(tmp_path, whole), configs(), {}).config
    validator = Draft202012Validator(schema(configs()))
    assert [error.message for error in validator.iter_errors(yaml.safe_load(whole))] == []


def test_every_key_is_in_a_table() -> None:
    """The tables name every key that the schema knows, and none besides."""
    whole = schema(configs())
    top = {one for one in keys({"properties": whole["properties"]}, whole) if not one.startswith("targets.")}
    named = rows("The top", "consul", "reloads")
    assert leaves(top) == leaves(named)
    common = rows(*COMMON)
    for kind in ("cloudflare_kv", "env_file", "template"):
        named = rows(kind)
        known = keys({"$ref": "#/$defs/" + ref_of(whole, kind)}, whole)
        assert leaves(known) - common == leaves(named), kind


def ref_of(whole: dict[str, Any], kind: str) -> str:
    """Return the name under which a kind's model stands in the schema."""
    return next(
        name for name, one in whole["$defs"].items() if one.get("properties", {}).get("kind") == {"const": kind}
    )


def leaves(paths: set[str]) -> set[str]:
    """Return the paths below which there is no other."""
    return {one for one in paths if not any(other.startswith(f"{one}.") for other in paths)}
