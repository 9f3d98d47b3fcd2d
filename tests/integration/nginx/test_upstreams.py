"""upstreams.conf.j2 in a real nginx: who gets the requests, and that the file always loads."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.integration.nginx.rendering import RenderFault, instance, render
from tests.integration.nginx.servers import CountingBackend, NameServer
from tests.support.backend import HttpBackend
from tests.support.http import Http
from tests.support.nginx import NginxServer
from tests.support.processes import free_port, wait_until

FILE = "upstreams.conf"


def server(port: int, to: str, resolver: str = "") -> str:
    """Return an operator's own server block that uses what the file offers."""
    kept = "proxy_http_version 1.1; proxy_set_header Connection '';"
    return f"server {{ listen {port}; {resolver} location / {{ {kept} proxy_pass http://{to}; }} }}"


def blocks(text: str) -> dict[str, list[str]]:
    """Return the servers of each upstream."""
    found = re.findall(r"upstream (\S+) \{([^}]*)\}", text)
    return {name: re.findall(r"^    server ([^;]+);", body, re.MULTILINE) for name, body in found}


@pytest.mark.parametrize("to", ["web", "$service_web"])
def test_healthy_instances_get_the_requests(
    nginx_server: Callable[..., NginxServer], http_backend: Callable[..., HttpBackend], to: str
) -> None:
    """All passing instances answer, by the upstream's name and by the variable; a critical one and the url do not."""
    one, two, critical, url = (http_backend(name) for name in ("one", "two", "critical", "url"))
    port = free_port()
    nginx = nginx_server(server(port, to))
    instances = [
        instance("web", one.port),
        instance("web", two.port),
        instance("web", critical.port, status="critical"),
    ]
    nginx.write(FILE, render(FILE, {"services/web/url": url.url}, *instances))
    nginx.start()
    assert {Http(f"http://127.0.0.1:{port}")("GET").json()["backend"] for _ in range(6)} == {"one", "two"}


def test_without_instances_the_url_is_used_and_a_changed_one_after_a_reload(
    nginx_server: Callable[..., NginxServer], http_backend: Callable[..., HttpBackend]
) -> None:
    """The url's backend answers; another url and a reload, and the other backend does."""
    old, new = http_backend("old"), http_backend("new")
    port = free_port()
    nginx = nginx_server(server(port, "web"))
    nginx.write(FILE, render(FILE, {"services/web/url": old.url}))
    nginx.start()
    client = Http(f"http://127.0.0.1:{port}")
    assert client("GET").json()["backend"] == "old"
    nginx.write(FILE, render(FILE, {"services/web/url": new.url}))
    nginx.reload()
    wait_until(lambda: client("GET").json()["backend"] == "new", why="the new backend answers")


def test_connections_are_kept(nginx_server: Callable[..., NginxServer], counting_backend: CountingBackend) -> None:
    """Ten requests through an upstream take one connection to the backend."""
    port = free_port()
    nginx = nginx_server(server(port, "web"))
    nginx.write(FILE, render(FILE, {}, instance("web", counting_backend.port)))
    nginx.start()
    assert {Http(f"http://127.0.0.1:{port}")("GET").status for _ in range(10)} == {200}
    assert counting_backend.connections == 1


def test_a_name_is_looked_up_at_request_time(
    nginx_server: Callable[..., NginxServer], http_backend: Callable[..., HttpBackend], name_server: NameServer
) -> None:
    """A name that this machine does not know loads, and the variable reaches it; the bare upstream answers 502."""
    backend = http_backend("named")
    named, bare = free_port(), free_port()
    resolver = f"resolver 127.0.0.1:{name_server.port} ipv6=off;"
    nginx = nginx_server(server(named, "$service_web", resolver) + server(bare, "web"))
    nginx.write(FILE, render(FILE, {"services/web/url": f"http://web.nowhere.test:{backend.port}"}))
    nginx.start()
    assert Http(f"http://127.0.0.1:{named}")("GET").json()["backend"] == "named"
    assert name_server.asked == ["web.nowhere.test"]
    assert Http(f"http://127.0.0.1:{bare}")("GET").status == 502


def test_no_upstream_is_ever_empty(nginx_server: Callable[..., NginxServer]) -> None:
    """A service without a healthy instance and without a url keeps its upstream, which loads and answers 502."""
    port = free_port()
    nginx = nginx_server(server(port, "web"))
    text = render(FILE, {}, instance("web", 1, status="critical"), instance("portless", 0))
    assert blocks(text) == {"portless": ["127.0.0.1:9 down"], "web": ["127.0.0.1:9 down"]}
    nginx.write(FILE, text)
    nginx.start()
    assert Http(f"http://127.0.0.1:{port}")("GET").status == 502


def test_addresses_are_written_as_nginx_takes_them(nginx_server: Callable[..., NginxServer]) -> None:
    """Default ports, IPv6 with brackets, localhost, JSON with a url, an instance that is there twice."""
    keys = {
        "services/plain/url": "http://10.0.0.1",
        "services/tls/url": "https://10.0.0.2/base/path",
        "services/six/url": "http://[fd00::1]:81",
        "services/local/url": "http://localhost:82",
        "services/whole": {"url": "http://10.0.0.3:83", "timeout": 1},
        "services/both": {"url": "http://10.0.0.4:84"},
        "services/both/url": "http://10.0.0.5:85",
    }
    instances = [
        instance("caught.six", 86, "fd00::2"),
        instance("twice", 87, id="a"),
        instance("twice", 87, id="b"),
    ]
    text = render(FILE, keys, *instances)
    assert blocks(text) == {
        "both": ["10.0.0.5:85"],
        "caught.six": ["[fd00::2]:86"],
        "local": ["localhost:82"],
        "plain": ["10.0.0.1:80"],
        "six": ["[fd00::1]:81"],
        "tls": ["10.0.0.2:443"],
        "twice": ["127.0.0.1:87"],
        "whole": ["10.0.0.3:83"],
    }
    nginx = nginx_server()
    nginx.write(FILE, text)
    assert nginx.test()[0], nginx.test()[1]


def test_what_is_no_http_service_has_no_upstream() -> None:
    """Other schemes, services without a url, and Consul itself are left out."""
    keys = {
        "services/redis/url": "redis://redis:6379",
        "services/postgres/host": "postgres",
        "services/settings": {"timeout": 1},
        "services/list": ["http://10.0.0.1"],
    }
    assert blocks(render(FILE, keys, instance("consul", 8300))) == {}


def test_names_in_the_catalog_that_nginx_cannot_take_are_passed_over() -> None:
    """Somebody else's odd service does not stop ours; of two names that are one to nginx the first in order stays."""
    odd = [instance(name, 80) for name in ("a b", "x;}", "über", "Web", "web", "a-b", "a.b", "-a")]
    assert list(blocks(render(FILE, {}, *odd))) == ["a-b", "Web"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"services/a b/url": "http://h"}, "cannot take"),
        ({"services/Web/url": "http://h", "services/web/url": "http://h"}, "services/web"),
        ({"services/a-b/url": "http://h", "services/a.b/url": "http://h"}, "services/a.b"),
    ],
)
def test_names_of_ours_that_nginx_cannot_take_are_faults(keys: dict[str, str], said: str) -> None:
    """In services/ a name that cannot be used is said, not passed over."""
    with pytest.raises(RenderFault, match=re.escape(said)):
        render(FILE, keys)


def test_only_limits_the_services() -> None:
    """`only` names what is written: nothing else of the catalog or of services/ is."""
    keys = {"services/a/url": "http://10.0.0.1", "services/b/url": "http://10.0.0.2"}
    text = render(FILE, keys, instance("c", 80), instance("d", 80), only=["b", "c"])
    assert list(blocks(text)) == ["b", "c"]


def test_without_a_resolver_names_are_resolved_at_start(nginx_server: Callable[..., NginxServer]) -> None:
    """`resolver: ""` writes names into the upstream, and nginx refuses one that does not resolve."""
    text = render(FILE, {"services/web/url": "http://web.invalid:81"}, resolver="")
    assert blocks(text) == {"web": ["web.invalid:81"]}
    nginx = nginx_server()
    nginx.write(FILE, text)
    ok, said = nginx.test()
    assert not ok
    assert "host not found in upstream" in said


def test_instances_known_by_name() -> None:
    """Of instances with addresses and with names the addresses are used; of names only, the first by id."""
    text = render(
        FILE, {}, instance("mixed", 81, "10.0.0.1"), instance("mixed", 82, "host"), instance("named", 83, "h")
    )
    assert blocks(text)["mixed"] == ["10.0.0.1:81"]
    assert 'default "h:83";' in text
