"""A shipped template in a real nginx."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration.nginx.rendering import render
from tests.integration.nginx.servers import CountingBackend, NameServer, PlainStream
from tests.support.http import Http
from tests.support.nginx import NginxServer
from tests.support.processes import free_port


@pytest.fixture
def gateway(nginx_server: Callable[..., NginxServer]) -> Callable[..., tuple[Http, NginxServer]]:
    """gateway("ai-gateway.conf", keys, *instances, **vars): the rendered file in a running nginx, its client."""

    def start(name: str, keys: dict[str, Any], *instances: Any, **variables: Any) -> tuple[Http, NginxServer]:
        port = free_port()
        server = nginx_server()
        server.write(name, render(name, keys, *instances, listen=port, **variables))
        return Http(f"http://127.0.0.1:{port}"), server.start()

    return start


@pytest.fixture
def counting_backend() -> Iterator[CountingBackend]:
    """A backend that counts its connections."""
    backend = CountingBackend()
    yield backend
    backend.close()


@pytest.fixture
def plain_stream() -> Iterator[PlainStream]:
    """A backend that streams without chunks."""
    backend = PlainStream()
    yield backend
    backend.close()


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    """A DNS server for whom every name is 127.0.0.1."""
    server = NameServer()
    yield server
    server.close()
