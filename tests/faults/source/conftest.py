"""Two daemons behind one proxy in front of a real Consul: one as it is shipped, one that believes everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.source.kit import Place
from tests.faults.support.proxy import FaultProxy
from tests.support import binaries
from tests.support.cluster import ConsulCluster
from tests.support.consul import ConsulServer
from tests.support.kv_server import KVServer


@pytest.fixture(scope="module")
def proxy(consul_server: ConsulServer) -> Iterator[FaultProxy]:
    """A proxy in front of the run's Consul, told to be honest."""
    one = FaultProxy(consul_server.url)
    yield one
    one.close()


@pytest.fixture(scope="module")
def places(
    proxy: FaultProxy, consul_server: ConsulServer, workers_kv: KVServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Place]]:
    """`shipped` is syncd; `credulous` takes any answer for Consul's and asks for nothing twice."""
    base = tmp_path_factory.mktemp("places")
    made = {name: Place(base / name, consul_server, workers_kv.fresh(), proxy.url) for name in ("shipped", "credulous")}
    try:
        made["shipped"].start(ready=False)
        made["credulous"].start(without="credulous", ready=False)
        for place in made.values():
            place.daemon.wait_ready()
        yield made
    finally:
        for place in made.values():
            place.close()


@pytest.fixture
def make_proxy() -> Iterator[Callable[[str], FaultProxy]]:
    """make_proxy(upstream): a proxy of this test's own."""
    made: list[FaultProxy] = []

    def make(upstream: str) -> FaultProxy:
        made.append(FaultProxy(upstream))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def make_cluster() -> Iterator[Callable[[], ConsulCluster]]:
    """make_cluster(): three started servers with a leader."""
    made: list[ConsulCluster] = []

    def make() -> ConsulCluster:
        made.append(ConsulCluster(binaries.consul_bin()))
        return made[-1].start()

    yield make
    for one in made:
        one.close()


@pytest.fixture
def make_place(tmp_path: Path, workers_kv: KVServer) -> Iterator[Callable[..., Place]]:
    """make_place(server, address, name="place", token=""): a place of this test's own; its daemon is not started."""
    made: list[Place] = []

    def make(server: ConsulServer, address: str = "", name: str = "place", token: str = "") -> Place:
        made.append(Place(tmp_path / name, server, workers_kv.fresh(), address or server.url, token))
        return made[-1]

    yield make
    for place in made:
        place.close()
