"""ai-gateway.conf.j2 in a real nginx with real backends: routing, streaming, WebSocket, keepalive, limits."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from tests.integration.nginx.rendering import RenderFault, instance, render
from tests.integration.nginx.servers import CountingBackend, NameServer, PlainStream, lines_one_by_one
from tests.support.backend import HttpBackend
from tests.support.http import Http
from tests.support.nginx import NginxServer
from tests.support.processes import wait_until

FILE = "ai-gateway.conf"
Gateway = Callable[..., tuple[Http, NginxServer]]
Backend = Callable[..., HttpBackend]


def keys_of(backend: str, serve: str) -> dict[str, Any]:
    """Return the keys of the two services behind the gateway."""
    return {"services/ai-backend/url": backend, "services/ai-serve/url": serve}


@pytest.fixture
def behind(http_backend: Backend) -> tuple[HttpBackend, HttpBackend]:
    """ai-backend and ai-serve."""
    return http_backend("ai-backend"), http_backend("ai-serve")


@pytest.fixture
def ai(gateway: Gateway, behind: tuple[HttpBackend, HttpBackend]) -> Http:
    """The gateway before both."""
    return gateway(FILE, keys_of(behind[0].url, behind[1].url))[0]


def test_health_is_the_gateways_own(ai: Http, behind: tuple[HttpBackend, HttpBackend]) -> None:
    """/health answers exactly this, and asks nobody."""
    answer = ai("GET", "/health")
    assert (answer.status, answer.body) == (200, b'{"ok":true,"service":"ai-gateway"}')
    assert answer.headers["content-type"] == "application/json"
    assert behind[0].requests == behind[1].requests == []


@pytest.mark.parametrize(
    ("path", "name", "arrives"),
    [
        ("/v1/chat/completions?stream=1", "ai-backend", "/v1/chat/completions?stream=1"),
        ("/chat", "ai-backend", "/chat"),
        ("/chat/42", "ai-backend", "/chat/42"),
        ("/", "ai-backend", "/"),
        ("/health/deep", "ai-backend", "/health/deep"),
        ("/a%2Fb%20c", "ai-backend", "/a%2Fb%20c"),
        ("/serve/health", "ai-serve", "/health"),
        ("/serve/", "ai-serve", "/"),
        ("/serve/serve/x?y=/serve/", "ai-serve", "/serve/x?y=/serve/"),
        ("/serve/a%20b", "ai-serve", "/a%20b"),
        ("/server", "ai-backend", "/server"),
    ],
)
def test_each_path_reaches_its_service(
    ai: Http, behind: tuple[HttpBackend, HttpBackend], path: str, name: str, arrives: str
) -> None:
    """/serve/ goes to ai-serve without that prefix, all else to ai-backend as it came."""
    assert ai("GET", path).json()["backend"] == name
    backend = next(one for one in behind if one.name == name)
    assert [one.path for one in backend.requests] == [arrives]


def test_bodies_and_headers_arrive(ai: Http, behind: tuple[HttpBackend, HttpBackend]) -> None:
    """The body, the Authorization and the client's address arrive; the connection stays the gateway's own matter."""
    body = b"x" * 1_000_000
    ai("POST", "/v1/audio", body, headers={"Authorization": "Bearer t", "X-Forwarded-Proto": "https", "Upgrade": "h2c"})
    received = behind[0].requests[0]
    assert received.body == body
    assert received.headers["authorization"] == "Bearer t"
    assert received.headers["host"] == ai.base_url.removeprefix("http://")
    assert (received.headers["x-forwarded-for"], received.headers["x-forwarded-proto"]) == ("127.0.0.1", "https")
    assert "upgrade" not in received.headers


def test_a_body_over_the_limit_is_refused(gateway: Gateway, behind: tuple[HttpBackend, HttpBackend]) -> None:
    """`max_body` is the limit; more is 413 and reaches nobody."""
    client, _ = gateway(FILE, keys_of(behind[0].url, behind[1].url), max_body="1k")
    assert client("POST", "/v1/x", b"x" * 1024).status == 200
    assert client("POST", "/v1/x", b"x" * 1025).status == 413
    assert len(behind[0].requests) == 1


@pytest.mark.parametrize("path", ["/v1/x", "/chat", "/serve/x", "/other"])
@pytest.mark.parametrize(("kind", "events"), [("chunked", "chunk {}\n"), ("sse", "data: {}\n")])
def test_streams_pass_unbuffered(
    ai: Http, behind: tuple[HttpBackend, HttpBackend], path: str, kind: str, events: str
) -> None:
    """Each event arrives before the backend sends the next one, which it does only after we have read this one."""
    backend = behind[1] if path.startswith("/serve/") else behind[0]
    connection = http.client.HTTPConnection(ai.base_url.removeprefix("http://"), timeout=10)
    connection.request("GET", f"{path}?answer={kind}", headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    for number in range(3):
        assert answer.readline().decode() == events.format(number)
        if kind == "sse":
            answer.readline()
        backend.release()
    assert answer.read() == b""
    connection.close()


@pytest.mark.parametrize("path", ["/v1/x", "/serve/x"])
def test_a_stream_without_chunks_passes_unbuffered(gateway: Gateway, plain_stream: PlainStream, path: str) -> None:
    """The same where only the closed connection ends the answer: nginx would hold that one back."""
    url = f"http://127.0.0.1:{plain_stream.port}"
    client, _ = gateway(FILE, keys_of(url, url))
    assert lines_one_by_one(client, path, plain_stream) == [b"data: 0\n", b"data: 1\n", b"data: 2\n"]


async def test_web_sockets_pass(ai: Http, behind: tuple[HttpBackend, HttpBackend]) -> None:
    """A WebSocket talks both ways through the gateway, and a plain request after it is plain."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{ai.base_url}/v1/realtime") as socket,
    ):
        for text in ("one", "two"):
            await socket.send_str(text)
            assert (await socket.receive_str(timeout=10)) == f"echo: {text}"
    ai("GET", "/v1/models")
    assert "upgrade" not in behind[0].requests[-1].headers


def test_connections_are_kept(gateway: Gateway, counting_backend: CountingBackend) -> None:
    """Ten requests, each over a new client connection, take one connection to the service."""
    url = f"http://127.0.0.1:{counting_backend.port}"
    client, _ = gateway(FILE, keys_of(url, "http://127.0.0.1:9"))
    assert {client("GET", "/v1/models").status for _ in range(10)} == {200}
    assert counting_backend.connections == 1


def test_a_changed_url_answers_after_a_reload(gateway: Gateway, http_backend: Backend) -> None:
    """Another url and a reload, and the other backend answers."""
    old, new = http_backend("old"), http_backend("new")
    client, nginx = gateway(FILE, keys_of(old.url, old.url))
    assert client("GET", "/v1/x").json()["backend"] == "old"
    port = int(client.base_url.rpartition(":")[2])
    nginx.write(FILE, render(FILE, keys_of(new.url, old.url), listen=port))
    nginx.reload()
    wait_until(lambda: client("GET", "/v1/x").json()["backend"] == "new", why="the new backend answers")


def test_healthy_instances_come_before_the_url(gateway: Gateway, http_backend: Backend) -> None:
    """The catalog's passing instances share the requests; a critical one and the url get none."""
    one, two, critical, url = (http_backend(name) for name in ("one", "two", "critical", "url"))
    instances = [
        instance("ai-backend", one.port),
        instance("ai-backend", two.port),
        instance("ai-backend", critical.port, status="critical"),
    ]
    client, _ = gateway(FILE, keys_of(url.url, url.url), *instances)
    assert {client("GET", "/v1/x").json()["backend"] for _ in range(6)} == {"one", "two"}
    assert client("GET", "/serve/x").json()["backend"] == "url"


def test_services_known_by_name_are_looked_up_at_request_time(
    gateway: Gateway, behind: tuple[HttpBackend, HttpBackend], name_server: NameServer
) -> None:
    """Names that this machine does not know load and are asked of the resolver, in /serve/ too."""
    keys = keys_of(f"http://ai-backend.test:{behind[0].port}", f"http://ai-serve.test:{behind[1].port}")
    client, _ = gateway(FILE, keys, resolver=f"127.0.0.1:{name_server.port} ipv6=off")
    assert client("GET", "/v1/x?y=1").json() == {"backend": "ai-backend", "path": "/v1/x"}
    assert client("GET", "/serve/a/b").json() == {"backend": "ai-serve", "path": "/a/b"}
    assert set(name_server.asked) == {"ai-backend.test", "ai-serve.test"}


def test_a_tls_service_is_verified(nginx_server: Callable[..., NginxServer]) -> None:
    """https asks for the service by its own name, port 443 unless said, and verifies its certificate."""
    text = render(FILE, keys_of("https://10.0.0.1", "https://models.example:8443"), resolver="127.0.0.1")
    assert "server 10.0.0.1:443;" in text
    for line in (
        "proxy_ssl_verify on;",
        "proxy_ssl_name models.example;",
        "proxy_set_header Host models.example:8443;",
    ):
        assert line in text
    nginx = nginx_server()
    nginx.write(FILE, text)
    assert nginx.test()[0], nginx.test()[1]


def test_the_timeouts_are_as_promised() -> None:
    """30 s to connect, 120 s between two reads or writes, 300 s for /serve/."""
    text = render(FILE, keys_of("http://10.0.0.1", "http://10.0.0.2"))
    common, serve = text.split("location /serve/")
    assert "proxy_connect_timeout 30s;" in common
    for timeout in ("proxy_send_timeout", "proxy_read_timeout"):
        assert f"{timeout} 120s;" in common
        assert f"{timeout} 300s;" in serve
    assert "listen 7000;" in text


@pytest.mark.parametrize("missing", ["ai-backend", "ai-serve"])
def test_a_missing_service_is_named(missing: str) -> None:
    """Without an instance and a url there is no gateway: the missing key is named."""
    keys = keys_of("http://10.0.0.1", "http://10.0.0.2")
    del keys[f"services/{missing}/url"]
    with pytest.raises(RenderFault, match=f"services/{missing}/url"):
        render(FILE, keys)
    with pytest.raises(RenderFault, match=f"services/{missing}/url: is empty"):
        render(FILE, {**keys, f"services/{missing}/url": ""})
    with pytest.raises(RenderFault, match=f"services/{missing}/url: is not an http"):
        render(FILE, {**keys, f"services/{missing}/url": "redis://redis:6379"})
