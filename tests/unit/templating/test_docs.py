"""docs/templates.md: every example is run, every function and filter has one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2.filters import FILTERS

from syncd.core.model import Instance
from syncd.core.templating import FUNCTION_NAMES
from syncd.core.templating.builtin import WRAPPED
from syncd.core.templating.filters import OWN
from tests.unit.templating.rendering import rendered, snapshot

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "templates.md").read_text()
_EXAMPLE = r"^### (\w+)\n(?:(?!#|```jinja).*\n)*```jinja\n((?:.*\n)*?)```\n```text\n((?:.*\n)*?)```"
EXAMPLES = re.findall(_EXAMPLE, PAGE, re.M)


def world() -> dict[str, Any]:
    """Return what the page says that its examples are run with."""
    blocks = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n((?:.*\n)*?)```", PAGE, re.M)]
    found: dict[str, Any] = next(block for block in blocks if "keys" in block)
    return found


@pytest.mark.parametrize(("name", "source", "text"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_example(name: str, source: str, text: str) -> None:
    """The example uses what it stands under, and gives what the page says."""
    given = world()
    keys = {key: value.encode() for key, value in given["keys"].items()} | {"config/binary": b"\xff\x00"}
    services = {
        service: tuple(Instance(**{**one, "name": service, "tags": tuple(one["tags"])}) for one in instances)
        for service, instances in given["services"].items()
    }
    assert name in source or name == "vars"
    assert rendered(source, snapshot(keys, services), variables=given["vars"], env=given["env"]) == text


def test_everything_has_an_example() -> None:
    """No function and no filter of ours is left out, and no Jinja2 filter is missing that the page does not name."""
    shown = {example[0] for example in EXAMPLES}
    assert shown == {*FUNCTION_NAMES, *OWN, "vars"}
    for name in set(FILTERS) - set(WRAPPED):
        assert f"`{name}`" in PAGE
