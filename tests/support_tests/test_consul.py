"""The Consul fixtures are what they say."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.consul import ConsulServer
from tests.support.processes import wait_until

MakeConsul = Callable[..., ConsulServer]


def test_pairs_come_back(consul_server: ConsulServer, consul_prefix: str) -> None:
    """What was put is read, listed, exported by the real command, and deleted."""
    consul_server.put(consul_prefix + "a b/ü", b"\x00\xff")
    consul_server.put_many({f"{consul_prefix}n/{i}": str(i) for i in range(100)})
    assert consul_server.get(consul_prefix + "a b/ü") == b"\x00\xff"
    assert len(consul_server.keys(consul_prefix)) == 101
    assert len(json.loads(consul_server.export(consul_prefix))) == 101
    consul_server.delete(consul_prefix + "n/", recurse=True)
    assert consul_server.keys(consul_prefix) == [consul_prefix + "a b/ü"]
    assert consul_server.get(consul_prefix + "n/1") is None


def test_services_are_in_the_catalog(consul_server: ConsulServer, consul_prefix: str) -> None:
    """A registered instance is seen with its check, and goes."""
    name = consul_prefix.strip("/")
    consul_server.register({"Name": name, "Port": 80, "Check": {"TTL": "10m", "Status": "critical"}})
    path = f"/v1/health/service/{name}"
    [found] = wait_until(lambda: consul_server.http("GET", path).json())
    assert [check["Status"] for check in found["Checks"] if check["ServiceName"]] == ["critical"]
    consul_server.deregister(name)
    wait_until(lambda: not consul_server.http("GET", path).json())


def test_acl_denies(make_consul: MakeConsul) -> None:
    """A token reads what its rules allow; a made-up one is refused with 403."""
    server = make_consul(acl=True)
    server.put("app/x", "1")
    server.put("secret/x", "2")
    reader = replace(server.http, headers={"X-Consul-Token": server.token_for('key_prefix "app/" { policy = "read" }')})
    assert reader("GET", "/v1/kv/app/x?raw").body == b"1"
    assert reader("GET", "/v1/kv/secret/x").status == 403
    assert reader("PUT", "/v1/kv/app/x", b"no").status == 403
    assert replace(server.http, headers={"X-Consul-Token": "made-up"})("GET", "/v1/kv/app/x").status == 403


def test_tls_wants_a_client_certificate(make_consul: MakeConsul) -> None:
    """Who shows a certificate of the private CA gets in; who shows none does not."""
    server = make_consul(tls=True)
    server.put("a", "1")
    assert server.ca is not None
    naked = replace(server.http, tls=ssl.create_default_context(cafile=server.ca.ca_file))
    with pytest.raises(OSError, match="certificate"):
        naked("GET", "/v1/kv/a")


def test_unix_socket(make_consul: MakeConsul) -> None:
    """The address is unix:///…, and the server answers there."""
    server = make_consul(unix=True)
    server.put("a", "1")
    assert server.url.startswith("unix:///")
    assert server.get("a") == b"1"


def test_persistent_server_keeps_its_data(make_consul: MakeConsul) -> None:
    """Killed and started again on the same address, it still holds the key."""
    server = make_consul(persistent=True)
    server.put("a", "1")
    server.kill()
    with pytest.raises(OSError, match="refused"):
        server.get("a")
    server.start()
    assert server.get("a") == b"1"
