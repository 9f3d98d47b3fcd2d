"""api-gateway.conf.j2 in a real nginx with real backends: routes, tokens, limits, CORS, streams."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from tests.integration.nginx.rendering import RenderFault, instance, render
from tests.integration.nginx.servers import CountingBackend, PlainStream, lines_one_by_one
from tests.support.backend import HttpBackend
from tests.support.http import Http
from tests.support.nginx import NginxServer

FILE = "api-gateway.conf"
TOKEN = {"Authorization": "Bearer aaa.bbb.ccc"}
ORIGIN = "https://shop.example"
Gateway = Callable[..., tuple[Http, NginxServer]]
Backend = Callable[..., HttpBackend]


def keys_of(routes: Any, *backends: HttpBackend, origins: list[str] | None = None) -> dict[str, Any]:
    """Return the keys of a gateway with these routes; each backend is the service of its name."""
    keys = {"gateway/routes": routes, **{f"services/{one.name}/url": one.url for one in backends}}
    return keys if origins is None else {**keys, "config/cors/allowed_origins": origins}


def backend_of(client: Http, path: str, headers: dict[str, str] | None = None) -> str | int:
    """Return which backend answers a path, or the status that is not 200."""
    answer = client("GET", path, headers=headers)
    return str(answer.json()["backend"]) if answer.status == 200 else answer.status


@pytest.mark.parametrize(
    "routes",
    [
        [{"path": "/api", "service": "a"}, {"path": "/api/users/", "service": "b"}],
        {"/api/users": "b", "/api": "a"},
        {"/api/users": {"service": "b"}, "/api/": {"service": "a", "auth": "anonymous"}},
    ],
)
def test_the_longest_prefix_wins_at_whole_segments(gateway: Gateway, http_backend: Backend, routes: Any) -> None:
    """Three ways to write one table; /api/users-old is not below /api/users; no route is 404; paths arrive whole."""
    a, b = http_backend("a"), http_backend("b")
    client, _ = gateway(FILE, keys_of(routes, a, b))
    wanted = {
        "/api": "a",
        "/api/": "a",
        "/api/x": "a",
        "/api/users": "b",
        "/api/users/": "b",
        "/api/users/7": "b",
        "/api/users-old": "a",
        "/apis": 404,
        "/": 404,
    }
    assert {path: backend_of(client, path) for path in wanted} == wanted
    assert client("GET", "/health").json() == {"ok": True, "service": "api-gateway"}
    client("GET", "/api/users/a%2Fb?q=1")
    assert b.requests[-1].path == "/api/users/a%2Fb?q=1"


def test_a_route_for_everything(gateway: Gateway, http_backend: Backend) -> None:
    """The path / takes what no other route has."""
    a, b = http_backend("a"), http_backend("b")
    client, _ = gateway(FILE, keys_of({"/": "a", "/b": "b"}, a, b))
    assert [backend_of(client, path) for path in ("/", "/x", "/b", "/bb")] == ["a", "a", "b", "a"]


def test_a_route_with_jwt_wants_a_token(gateway: Gateway, http_backend: Backend) -> None:
    """Without something of a token's form 401 and nothing reaches the service; with it, it is passed on."""
    a = http_backend("a")
    client, _ = gateway(FILE, keys_of({"/in": {"service": "a", "auth": "jwt"}, "/open": "a"}, a))
    for headers in (
        {},
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic eDp5"},
        {"Authorization": "aaa.bbb.ccc"},
    ):
        for path in ("/in", "/in/x"):
            answer = client("GET", path, headers=headers)
            assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert a.requests == []
    assert backend_of(client, "/in/x", TOKEN) == "a"
    assert a.requests[0].headers["authorization"] == TOKEN["Authorization"]
    assert "www-authenticate" not in client("GET", "/open").headers


def test_a_route_has_its_own_rate(gateway: Gateway, http_backend: Backend) -> None:
    """As many requests as a minute allows pass at once, the next is 429; each route counts for itself."""
    a = http_backend("a")
    routes = {
        "/few": {"service": "a", "rate_per_minute": 3},
        "/one": {"service": "a", "rate_per_minute": 1},
        "/any": "a",
    }
    client, _ = gateway(FILE, keys_of(routes, a))
    assert [backend_of(client, path) for path in ("/few", "/few/x", "/few?y", "/few", "/few/z")] == [
        "a",
        "a",
        "a",
        429,
        429,
    ]
    assert [backend_of(client, "/one") for _ in range(2)] == ["a", 429]
    assert {backend_of(client, "/any") for _ in range(9)} == {"a"}


def test_a_route_has_its_own_body_limit(gateway: Gateway, http_backend: Backend) -> None:
    """1 MB unless the route says more."""
    a = http_backend("a")
    client, nginx = gateway(FILE, keys_of({"/small": "a", "/large": {"service": "a", "max_body_mb": 10}}, a))
    body = b"x" * (1024 * 1024 + 1)
    assert client("POST", "/small", body).status == 413
    assert "client intended to send too large body" in nginx.error_log.read_text()
    sent = nginx.error_log.read_text().count("too large body")
    client("POST", "/large", body)
    assert nginx.error_log.read_text().count("too large body") == sent


def test_streams_pass_unbuffered(gateway: Gateway, http_backend: Backend) -> None:
    """Server-sent events arrive one by one, each before the backend sends the next."""
    a = http_backend("a")
    client, _ = gateway(FILE, keys_of({"/events": "a"}, a))
    connection = http.client.HTTPConnection(client.base_url.removeprefix("http://"), timeout=10)
    connection.request("GET", "/events?answer=sse")
    answer = connection.getresponse()
    for number in range(3):
        assert answer.readline() + answer.readline() == f"data: {number}\n\n".encode()
        a.release()
    connection.close()


def test_a_stream_without_chunks_passes_unbuffered(gateway: Gateway, plain_stream: PlainStream) -> None:
    """The same where only the closed connection ends the answer: nginx would hold that one back."""
    client, _ = gateway(FILE, {"gateway/routes": {"/x": "a"}}, instance("a", plain_stream.port))
    assert lines_one_by_one(client, "/x", plain_stream) == [b"data: 0\n", b"data: 1\n", b"data: 2\n"]


async def test_web_sockets_pass(gateway: Gateway, http_backend: Backend) -> None:
    """Through a route with and without a token."""
    client, _ = gateway(FILE, keys_of({"/ws": "a", "/in": {"service": "a", "auth": "jwt"}}, http_backend("a")))
    async with aiohttp.ClientSession() as session:
        for path, headers in (("/ws", {}), ("/in/ws", TOKEN)):
            async with session.ws_connect(f"{client.base_url}{path}", headers=headers) as socket:
                await socket.send_str("hi")
                assert await socket.receive_str(timeout=10) == "echo: hi"


def test_connections_are_kept(gateway: Gateway, counting_backend: CountingBackend) -> None:
    """Ten requests on two routes of one service take one connection."""
    instances = [instance("a", counting_backend.port)]
    client, _ = gateway(FILE, {"gateway/routes": {"/x": "a", "/y": "a"}}, *instances)
    assert {client("GET", path).status for path in ("/x", "/y/z") * 5} == {200}
    assert counting_backend.connections == 1


def preflight(client: Http, origin: str, path: str = "/in") -> Any:
    """Ask as a browser does before a request with a token."""
    return client("OPTIONS", path, headers={"Origin": origin, "Access-Control-Request-Method": "DELETE"})


def test_cors_for_the_origins_in_consul(gateway: Gateway, http_backend: Backend) -> None:
    """An allowed origin gets its headers on answers, refusals and preflights, which need no token; others get none."""
    a = http_backend("a")
    routes = {"/in": {"service": "a", "auth": "jwt", "rate_per_minute": 2}}
    client, _ = gateway(FILE, keys_of(routes, a, origins=[ORIGIN, "http://localhost:5173"]))
    for origin in (ORIGIN, "http://localhost:5173"):
        allowed = preflight(client, origin)
        assert (allowed.status, allowed.headers["access-control-allow-origin"]) == (204, origin)
        assert "DELETE" in allowed.headers["access-control-allow-methods"]
        assert "Authorization" in allowed.headers["access-control-allow-headers"]
    assert a.requests == []
    for headers, status in ((TOKEN, 200), ({}, 401), (TOKEN, 200), (TOKEN, 429)):
        answer = client("GET", "/in", headers={**headers, "Origin": ORIGIN})
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (status, ORIGIN)
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-methods" not in answer.headers
    for origin in (
        "https://shop.example.evil.test",
        "https://shopxexample",
        "http://shop.example",
        f"x{ORIGIN}",
        "null",
    ):
        refused = preflight(client, origin)
        assert refused.status == 401
        assert "access-control-allow-origin" not in refused.headers


def test_a_service_has_no_cors_of_its_own(gateway: Gateway, counting_backend: CountingBackend) -> None:
    """Its header is dropped: two of them, or one that allows all, is not what Consul says."""
    keys = keys_of({"/x": "a"}, origins=[ORIGIN])
    client, _ = gateway(FILE, keys, instance("a", counting_backend.port))
    connection = http.client.HTTPConnection(client.base_url.removeprefix("http://"), timeout=10)
    connection.request("GET", "/x", headers={"Origin": ORIGIN})
    assert connection.getresponse().msg.get_all("access-control-allow-origin") == [ORIGIN]
    connection.close()


def test_without_origins_there_is_no_cors(gateway: Gateway, http_backend: Backend) -> None:
    """Preflights go to the service like any request."""
    a = http_backend("a")
    client, _ = gateway(FILE, keys_of({"/in": "a"}, a))
    assert preflight(client, ORIGIN).json()["backend"] == "a"


def routes_of(**entry: Any) -> list[Any]:
    """Return a table with one good and one bad entry."""
    return [{"path": "/good", "service": "a"}, {"path": "/bad", "service": "a", **entry}]


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ("not json", "JSON"),
        ('"text"', "neither a list nor an object"),
        ("1", "neither a list nor an object"),
        ("null", "neither a list nor an object"),
        (["/a"], "entry 1 is not an object"),
        ({"/a": 1}, "entry 1 is not an object"),
        ([{"service": "a"}], "entry 1: path"),
        (routes_of(path="bad"), "entry 2: path"),
        (routes_of(path="/a b"), "entry 2: path"),
        (routes_of(path="/a;}"), "entry 2: path"),
        (routes_of(path="/a\n"), "entry 2: path"),
        (routes_of(path="/a/../b"), "entry 2: path"),
        (routes_of(path="/a//b"), "entry 2: path"),
        (routes_of(path="/$uri"), "entry 2: path"),
        (routes_of(path=7), "entry 2: path"),
        (routes_of(path="/good/"), "/good is there twice"),
        (routes_of(path="/health"), "/health is there twice"),
        (routes_of(service=""), "/bad: service"),
        (routes_of(service="x;}"), "/bad: service"),
        (routes_of(service=None), "/bad: service"),
        (routes_of(service="gone"), "services/gone/url"),
        (routes_of(auth="none"), "/bad: auth"),
        (routes_of(auth=True), "/bad: auth"),
        (routes_of(rate_per_minute=0), "/bad: rate_per_minute"),
        (routes_of(rate_per_minute="100"), "/bad: rate_per_minute"),
        (routes_of(rate_per_minute=True), "/bad: rate_per_minute"),
        (routes_of(max_body_mb=1.5), "/bad: max_body_mb"),
        (routes_of(timeout_s="1; }"), "/bad: timeout_s"),
        (routes_of(limit=1), "entry 2 has a field that is unknown"),
    ],
)
def test_a_bad_entry_is_said_in_words(routes: Any, said: str) -> None:
    """What is wrong with which entry, and no file."""
    with pytest.raises(RenderFault) as caught:
        render(FILE, {"gateway/routes": routes, "services/a/url": "http://10.0.0.1"})
    assert said in str(caught.value)


def test_no_routes_is_an_answer(gateway: Gateway) -> None:
    """An empty table gives a gateway that knows no path."""
    client, _ = gateway(FILE, {"gateway/routes": json.dumps([])})
    assert client("GET", "/x").status == 404


def test_a_route_has_its_own_timeout() -> None:
    """60 s between two reads unless the route says otherwise."""
    routes = {"/slow": {"service": "a", "timeout_s": 3600}, "/plain": "a"}
    text = render(FILE, {"gateway/routes": routes, "services/a/url": "http://10.0.0.1"})
    plain, slow = text.split("location = /slow")
    assert "proxy_read_timeout 60s;" in plain
    assert "proxy_read_timeout 3600s;" in slow
