"""python-consul2's API classes without its client on `requests`, which would cost 6 MiB and 30 ms and never run."""

import sys
from types import ModuleType
from typing import Any


def _imported() -> Any:
    """Return `consul.base`; the package imports the other client, too, so a stand-in takes its place meanwhile."""
    unused = ModuleType("consul.std")
    unused.__dict__["Consul"] = None
    replaced = sys.modules.setdefault("consul.std", unused) is unused
    try:
        from consul import base
    finally:
        if replaced:
            del sys.modules["consul.std"]
    return base


base: Any = _imported()
