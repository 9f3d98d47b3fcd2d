"""The stack, and instances of one configuration on it."""

from tests.support.instances import instances
from tests.support.stack import stack

__all__ = ["instances", "stack"]
