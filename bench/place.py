"""Where a part does its work: the servers, a folder of its own."""

import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support import binaries
from tests.support.consul import ConsulOptions, ConsulServer
from tests.support.kv_server import KVServer, WorkersKV


@dataclass
class Place:
    """The servers of a run, each started when it is first asked for, and a folder that goes with it."""

    folder: Path

    @cached_property
    def consul(self) -> ConsulServer:
        """A real Consul."""
        return ConsulServer(binaries.consul_bin(), ConsulOptions()).start()

    @cached_property
    def workers_kv(self) -> KVServer:
        """A real Workers KV."""
        return KVServer(binaries.node_bin())

    def namespace(self) -> WorkersKV:
        """Return a namespace that nobody has used yet, with an empty request log."""
        namespace = self.workers_kv.fresh()
        namespace.reset()
        return namespace

    def fill(self, prefix: str, count: int) -> list[str]:
        """Put `count` keys into twenty folders below a prefix; return their names without the prefix."""
        names = [f"group-{number % 20:02d}/key-{number:05d}" for number in range(count)]
        self.consul.put_many({prefix + name: f"https://{name}.example.com/" for name in names})
        return names


@contextmanager
def opened() -> Iterator[Place]:
    """Give a place and end its servers afterwards. Its folder is on the disk of the checkout: what is measured is
    durable writing, and the system's temporary folder may be memory."""
    binaries.CACHE.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=binaries.CACHE, prefix="bench-") as folder:
        place = Place(Path(folder))
        try:
            yield place
        finally:
            for name in ("consul", "workers_kv"):
                if name in place.__dict__:
                    getattr(place, name).close()


def p95(values: Sequence[float]) -> float:
    """Return the value that 95 of a hundred do not pass."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]
