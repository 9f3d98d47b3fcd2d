"""Every key that the config file takes is in docs/configuration.md, where its part of the file is told of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from syncd.config.schema import schema
from syncd.targets.registry import configs
from tests.docs.reader import ROOT

PAGE = (ROOT / "docs/configuration.md").read_text()
TEXT = "\n".join(path.read_text() for path in sorted(ROOT.glob("docs/*.md")))


def keys() -> Iterator[tuple[str, str]]:
    """Yield (part of the file, key) of every key of every model."""
    found = schema(configs())
    models: dict[str, Any] = {"top": found, **found["$defs"]}
    for model, one in models.items():
        for key in one.get("properties", {}):
            yield model, key


@pytest.mark.parametrize(("model", "key"), list(keys()))
def test_every_key_is_told_of(model: str, key: str) -> None:
    """As a word of code on the page of the config file, or as a key with its part before it."""
    assert any(f"`{key}{end}" in PAGE or f".{key}{end}" in PAGE for end in ("`", ":", ".", " ", "=")), (
        f"docs/configuration.md does not tell of {model}.{key}"
    )
