"""docs/operating.md, typed from top to bottom."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.reader import read_and_type
from tests.support.consul import ConsulServer
from tests.support.kv_server import WorkersKV


@pytest.mark.e2e
def test_the_guide_answers_as_it_shows(
    tmp_path: Path, make_consul: Callable[..., ConsulServer], kv_namespace: WorkersKV
) -> None:
    """Every command of the guide for the one on call, in its order, with the answer that stands below it."""
    read_and_type("docs/operating.md", tmp_path, make_consul(acl=True), kv_namespace)
