"""Two Consuls, real and embedded, for the lock; the stack and its instances for daemons."""

from tests.integration.dev.conftest import consul, embedded
from tests.support.instances import instances
from tests.support.stack import stack

__all__ = ["consul", "embedded", "instances", "stack"]
