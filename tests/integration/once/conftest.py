"""The stack's fixtures."""

from tests.support.stack import stack, with_nginx

__all__ = ["stack", "with_nginx"]
