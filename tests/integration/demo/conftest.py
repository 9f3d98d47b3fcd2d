"""The checkout in which the demo runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.demo.kit import Checkout
from tests.support import binaries


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """A checkout with a real nginx; what still runs in it afterwards is ended."""
    one = Checkout(tmp_path, binaries.nginx_bin())
    yield one
    for running in one.running:
        running.kill()
