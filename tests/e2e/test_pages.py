"""Pages that show many commands, typed from top to bottom."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.reader import read_and_type
from tests.support.consul import ConsulServer
from tests.support.kv_server import WorkersKV

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("page", ["commands", "explain", "history", "operating"])
def test_the_page_answers_as_it_shows(
    page: str, tmp_path: Path, make_consul: Callable[..., ConsulServer], kv_namespace: WorkersKV
) -> None:
    """Every command and exit code that the page shows, in its order, with the answer that stands below it."""
    read_and_type(f"docs/{page}.md", tmp_path, make_consul(acl=True), kv_namespace)
