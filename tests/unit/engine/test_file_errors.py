"""What is said of a file that the system refuses."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from syncd.engine.files import failure


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EBUSY])
def test_it_says_what_to_do(number: int) -> None:
    """The system's words, and what to do about them."""
    said = str(failure(Path("out/x"), "cannot be written", OSError(number, os.strerror(number))))
    start = f"out/x: cannot be written ({os.strerror(number)}); "
    assert said.startswith(start)
    assert len(said) > len(start) + 10
