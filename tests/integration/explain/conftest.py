"""The stack's fixtures, and what asks it to explain itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.stack import Stack, stack

__all__ = ["stack"]

Explain = Callable[..., dict[str, dict[str, Any]]]


@pytest.fixture
def explain(stack: Stack) -> Explain:
    """Return what runs `explain TARGET [NAME]` and gives its parts by name, the whole under ""."""

    def run(*args: str) -> dict[str, dict[str, Any]]:
        code, document = stack.json("explain", *args)
        assert code == 0
        return {"": document, **{part["name"]: part for part in document["parts"]}}

    return run
