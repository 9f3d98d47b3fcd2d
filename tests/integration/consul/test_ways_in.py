"""Ways to a real Consul: TLS, unix socket, and an environment that must not matter."""

from collections.abc import Callable
from pathlib import Path

import pytest

from syncd.core.errors import SourceUnavailable
from tests.integration.consul.kit import keys, opened, values
from tests.support.consul import ConsulServer
from tests.support.processes import free_port

NONSENSE = {
    "CONSUL_HTTP_ADDR": "unix:///nowhere/at:all:8500",
    "CONSUL_HTTP_TOKEN": "not-a-token",
    "CONSUL_HTTP_SSL": "true",
    "CONSUL_HTTP_SSL_VERIFY": "maybe",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "http_proxy": "http://127.0.0.1:1",
    "ALL_PROXY": "http://127.0.0.1:1",
}


@pytest.mark.parametrize("address", ["nonsense", "", "a:b:c:d", "http://[::1]:8500", "http://127.0.0.1:1"])
async def test_explicit_configuration_beats_the_environment(
    make_consul: Callable[..., ConsulServer], monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """Address, token, TLS and proxies of the environment are not looked at."""
    server = make_consul(acl=True)
    server.put("a", "v")
    for name, value in (NONSENSE | {"CONSUL_HTTP_ADDR": address}).items():
        monkeypatch.setenv(name, value)
    async with opened(server, token=server.token) as source:
        assert values(await source.read(keys("a"))) == {"a": b"v"}


async def test_a_unix_socket(make_consul: Callable[..., ConsulServer]) -> None:
    """unix:///path, and a message that names it where nobody listens."""
    server = make_consul(unix=True)
    server.put("a b", "v")
    async with opened(server) as source:
        assert values(await source.read(keys("a b"))) == {"a b": b"v"}
    async with opened("unix:///nowhere/consul.sock", timeout_s=0.1) as source:
        with pytest.raises(SourceUnavailable, match=r"unix:///nowhere/consul\.sock is unreachable: no such file"):
            await source.read(keys("a"))


async def test_tls_with_a_private_ca_and_a_client_certificate(make_consul: Callable[..., ConsulServer]) -> None:
    """Both sides are verified; each thing that is wrong fails at once, without trying again."""
    server = make_consul(tls=True)
    server.put("a", "v")
    assert server.ca is not None
    cert_file, key_file = map(Path, server.ca.client())
    ca_file = Path(server.ca.ca_file)
    async with opened(server, ca_file=ca_file, cert_file=cert_file, key_file=key_file) as source:
        assert values(await source.read(keys("a"))) == {"a": b"v"}
    async with opened(server, verify=False, cert_file=cert_file, key_file=key_file) as source:
        assert values(await source.read(keys("a"))) == {"a": b"v"}
    async with opened(server, cert_file=cert_file, key_file=key_file) as source:
        with pytest.raises(SourceUnavailable, match=r"cannot be trusted.*; check consul\.tls\.ca_file") as caught:
            await source.read(keys("a"))
        assert "tried" not in str(caught.value)
    async with opened(server, ca_file=ca_file) as source:
        with pytest.raises(SourceUnavailable, match="does not trust us"):
            await source.read(keys("a"))


async def test_http_where_https_is_spoken(make_consul: Callable[..., ConsulServer]) -> None:
    """And the other way round: neither is taken for an empty source."""
    server = make_consul(tls=True)
    plain = make_consul()
    for address in (server.url.replace("https", "http"), plain.url.replace("http", "https")):
        async with opened(address, timeout_s=0.5) as source:
            with pytest.raises(SourceUnavailable):
                await source.read(keys("a"))


async def test_nobody_listens() -> None:
    """The message says where, why, how often it was tried, and what to check."""
    async with opened(f"http://127.0.0.1:{free_port()}", timeout_s=0.5) as source:
        with pytest.raises(SourceUnavailable) as caught:
            await source.read(keys("a"))
    words = str(caught.value)
    assert "is unreachable: connection refused (tried " in words
    assert words.endswith("; check consul.address or CONSUL_HTTP_ADDR")


async def test_a_host_that_does_not_exist() -> None:
    """In words, not in the resolver's."""
    async with opened("http://nowhere.invalid:8500", timeout_s=0.5) as source:
        with pytest.raises(SourceUnavailable, match="its host name cannot be resolved"):
            await source.read(keys("a"))
