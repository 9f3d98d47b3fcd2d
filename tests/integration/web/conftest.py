"""A daemon of each test's own, on the stack's servers."""

from tests.support.daemon import daemon
from tests.support.stack import stack

__all__ = ["daemon", "stack"]
