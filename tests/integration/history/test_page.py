"""docs/history.md, typed from top to bottom."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.docs.reader import read_and_type
from tests.support.consul import ConsulServer
from tests.support.kv_server import WorkersKV


def test_the_page_answers_as_it_shows(
    tmp_path: Path, make_consul: Callable[..., ConsulServer], kv_namespace: WorkersKV
) -> None:
    """Every command that the page shows, with the answer that stands below it."""
    read_and_type("docs/history.md", tmp_path, make_consul(acl=True), kv_namespace)
