"""The fixtures: real servers (one Consul, one Workers KV per run), and factories for private ones."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import binaries
from tests.support.backend import HttpBackend
from tests.support.consul import ConsulOptions, ConsulServer
from tests.support.kv_server import KVServer, WorkersKV
from tests.support.nginx import NginxServer


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take out of the environment what would reach syncd from the developer's own shell."""
    for name in list(os.environ):
        if name.startswith(("CONSUL_", "CLOUDFLARE_", "CF_", "SYNCD_")) and name != "SYNCD_CONSUL_BIN":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def consul_server() -> Iterator[ConsulServer]:
    """One real Consul for the whole run: keep to your own `consul_prefix`, never stop it."""
    server = ConsulServer(binaries.consul_bin(), ConsulOptions())
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def consul_prefix(consul_server: ConsulServer) -> Iterator[str]:
    """A prefix of this test's own, like `t-1a2b3c4d/`; its keys, and services registered meanwhile, go afterwards."""
    prefix = f"t-{uuid.uuid4().hex[:8]}/"
    yield prefix
    consul_server.delete(prefix, recurse=True)
    consul_server.deregister_all()


@pytest.fixture
def make_consul() -> Iterator[Callable[..., ConsulServer]]:
    """make_consul(acl=…, tls=…, unix=…, persistent=…): a started private server that the test may stop and kill."""
    servers: list[ConsulServer] = []

    def make(**options: bool) -> ConsulServer:
        servers.append(ConsulServer(binaries.consul_bin(), ConsulOptions(**options)))
        return servers[-1].start()

    yield make
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def workers_kv() -> Iterator[KVServer]:
    """One real Workers KV server for the whole run; take a namespace by `kv_namespace` or `workers_kv.fresh()`."""
    server = KVServer(binaries.node_bin())
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def kv_namespace(workers_kv: KVServer) -> Iterator[WorkersKV]:
    """A namespace of this test's own; the request log starts empty and no fault is set."""
    namespace = workers_kv.fresh()
    namespace.reset()
    yield namespace
    namespace.reset()


@pytest.fixture
def nginx_server(tmp_path: Path) -> Iterator[Callable[..., NginxServer]]:
    """nginx_server(conf="…", conf_dir=…): an nginx of this test's own that includes `conf_dir`/*.conf; not yet started.

    `conf_dir` is made if missing (default: a folder of its own); `conf`, if given, becomes `test.conf` in it.
    """
    servers: list[NginxServer] = []

    def make(conf: str = "", conf_dir: Path | None = None) -> NginxServer:
        folder = tmp_path / f"nginx-{len(servers)}"
        servers.append(NginxServer(binaries.nginx_bin(), folder, conf_dir or folder / "conf.d"))
        if conf:
            servers[-1].write("test.conf", conf)
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def http_backend() -> Iterator[Callable[..., HttpBackend]]:
    """http_backend(name="…"): a started upstream server, see HttpBackend."""
    backends: list[HttpBackend] = []

    def make(name: str = "backend") -> HttpBackend:
        backends.append(HttpBackend(name))
        return backends[-1]

    yield make
    for backend in backends:
        backend.close()
