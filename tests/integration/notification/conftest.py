"""A stack, daemons on it, and a webhook."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.daemon import daemon
from tests.support.hook import Hook
from tests.support.stack import stack

__all__ = ["daemon", "stack"]


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A webhook that nobody has called yet."""
    found = Hook()
    yield found
    found.close()
