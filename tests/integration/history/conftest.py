"""A stack, with nginx or without, and daemons on it."""

from tests.support.daemon import daemon
from tests.support.stack import stack, with_nginx

__all__ = ["daemon", "stack", "with_nginx"]
