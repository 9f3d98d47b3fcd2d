"""A browser for the run, and a daemon of each test's own on the stack's servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.web.browser import Browser
from tests.support.daemon import daemon
from tests.support.stack import stack

__all__ = ["daemon", "stack"]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Chromium for the run; each test opens its own page in it."""
    one = Browser(Path(tmp_path_factory.mktemp("browser")) / "browser.log")
    yield one
    one.close()
