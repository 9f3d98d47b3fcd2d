"""The API key of the AI gateway: who gets in, whatever characters it has, and that it is not shown."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.nginx.rendering import RenderFault, entry, render
from tests.support.backend import HttpBackend
from tests.support.http import Http
from tests.support.nginx import NginxServer

FILE = "ai-gateway.conf"
KEY = "secrets/api_keys/ai"
Gateway = Callable[..., tuple[Http, NginxServer]]


def keys_of(url: str, secret: str) -> dict[str, Any]:
    """Return the keys of a gateway with one service behind it."""
    return {"services/ai-backend/url": url, "services/ai-serve/url": url, KEY: secret}


def statuses(client: Http, headers: dict[str, str]) -> set[int]:
    """Return how the guarded paths answer."""
    return {client("GET", path, headers=headers).status for path in ("/", "/v1/x", "/chat", "/serve/x", "/health/x")}


def test_who_gets_in(gateway: Gateway, http_backend: Callable[..., HttpBackend]) -> None:
    """The key by either header; nothing else, in no other case; /health is open."""
    backend = http_backend()
    client, _ = gateway(FILE, keys_of(backend.url, "Secret-1"), api_key=KEY)
    for headers in (
        {"Authorization": "Bearer Secret-1"},
        {"Authorization": "bearer   Secret-1"},
        {"X-API-KEY": "Secret-1"},
        {"X-API-KEY": "Secret-1", "Authorization": "Basic eDp5"},
        {"X-API-KEY": "wrong", "Authorization": "Bearer Secret-1"},
    ):
        assert statuses(client, headers) == {200}, headers
    seen = len(backend.requests)
    for headers in (
        {},
        {"Authorization": "Bearer secret-1"},
        {"X-API-KEY": "SECRET-1"},
        {"X-API-KEY": "Secret-12"},
        {"X-API-KEY": "xSecret-1"},
        {"X-API-KEY": ""},
        {"X-API-KEY": "0"},
        {"Authorization": "Secret-1"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer Secret-1 x"},
        {"Authorization": "Basic Secret-1"},
    ):
        assert statuses(client, headers) == {401}, headers
    assert len(backend.requests) == seen
    assert client("GET", "/health").status == 200
    assert "API key" in client("GET", "/v1/x").json()["error"]


def test_without_the_variable_nothing_is_checked(gateway: Gateway, http_backend: Callable[..., HttpBackend]) -> None:
    """The key in Consul alone guards nothing, and is not read: the file is no secret."""
    keys = keys_of(http_backend().url, "Secret-1")
    client, _ = gateway(FILE, keys)
    assert statuses(client, {}) == {200}
    assert not entry(FILE, keys).sensitive


NASTY = [
    'a"b',
    "a'b",
    "a$host$",
    "a b",
    "~a",
    "~*a",
    "a\\b\\",
    "a\\Eb",
    "a;b{c}#d",
    "^a.*$",
    "(a|b)[c]?+",
    "default",
    "hostnames",
    "include",
    "\\",
    "${HOME}",
    "a/b=c:d,e",
    "%7B",
    "\xfc\u20ac",
]


@pytest.mark.parametrize("secret", NASTY)
def test_a_key_of_any_characters_works(gateway: Gateway, http_backend: Callable[..., HttpBackend], secret: str) -> None:
    """It gets in as it is, by both headers, and a regular expression in it is none."""
    client, _ = gateway(FILE, keys_of(http_backend().url, secret), api_key=KEY)
    as_sent = secret.encode().decode("latin-1")  # headers are bytes to nginx
    assert client("GET", "/v1/x", headers={"X-API-KEY": as_sent}).status == 200
    assert client("GET", "/v1/x", headers={"Authorization": f"Bearer {as_sent}"}).status == 200
    for other in (as_sent + "x", "x" + as_sent, "ab", "a", "abc", ""):
        assert client("GET", "/v1/x", headers={"X-API-KEY": other}).status == 401, other


@pytest.mark.parametrize("secret", ["", " a", "a ", "a\n", "\na", "a\tb", "a\x00b", "a\x7f", "x" * 513])
def test_a_key_that_no_header_can_carry_is_refused(secret: str) -> None:
    """Such as one with a line break at its end: nobody would get in. The message has the key's name only."""
    with pytest.raises(RenderFault) as caught:
        render(FILE, keys_of("http://10.0.0.1", secret), api_key=KEY)
    assert "ai-gateway.conf.j2" in str(caught.value)
    assert secret not in str(caught.value) or not secret.strip("a \n")


def test_a_missing_key_is_named() -> None:
    """A gateway that should ask for a key and has none is not written."""
    keys = keys_of("http://10.0.0.1", "x")
    del keys[KEY]
    with pytest.raises(RenderFault, match=KEY):
        render(FILE, keys, api_key=KEY)


def test_a_long_key_loads(nginx_server: Callable[..., NginxServer]) -> None:
    """512 characters, each of which has to be escaped."""
    nginx = nginx_server()
    nginx.write(FILE, render(FILE, keys_of("http://10.0.0.1", "$" * 512), api_key=KEY))
    ok, said = nginx.test()
    assert ok, said


def test_the_file_is_kept_from_others_and_the_key_from_the_plan() -> None:
    """With a key in it the file is 0600, and sensitive."""
    wanted = entry(FILE, keys_of("http://10.0.0.1", "Secret-1"), api_key=KEY)
    assert wanted.sensitive
    assert wanted.mode == 0o600


def test_two_headers_of_one_name_do_not_get_in(gateway: Gateway, http_backend: Callable[..., HttpBackend]) -> None:
    """A right and a wrong X-API-KEY in one request: refused, or only the first counts; never a way around."""
    client, _ = gateway(FILE, keys_of(http_backend().url, "Secret-1"), api_key=KEY)
    host, port = client.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(
            b"GET /v1/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-KEY: no\r\nX-API-KEY: nor\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 401")
