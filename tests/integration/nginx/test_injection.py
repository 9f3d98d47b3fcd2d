"""A value from Consul never adds a directive: it is refused in words, or it is inside what it should be."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.integration.nginx.rendering import RenderFault, instance, render
from tests.support.nginx import NginxServer

PLAIN = "http://10.0.0.1:80"
NASTY = [
    "http://a:1; } server { listen 1; ",
    "http://a:1\n",
    "http://a:1\nserver",
    "http://a:1/\nx;",
    "http://a{b",
    "http://$host",
    "http://a b",
    'http://"a"',
    "http://'a'",
    "http://a\\",
    "http://a#b",
    "http://a:0",
    "http://a:99999",
    "http://a:b",
    "http://user:password@a",
    "http://",
    "http:///",
    "http://[::1",
    "http://::1",
    "http://[a]",
    "http://-a",
    "//a",
    "a:80",
    "unix:/run/x.sock",
    "HTTP://a",
    "http://ä",
    "http://a\u2028b",
    "\x00",
]
ROUTE = {"path": "/a", "service": "web"}


def keys_of(url: str) -> dict[str, Any]:
    """Return keys in which every service that a template reads has this url."""
    names = ("web", "ai-backend", "ai-serve")
    return {**{f"services/{name}/url": url for name in names}, "gateway/routes": [ROUTE]}


def skeleton(text: str) -> str:
    """Return what nginx's parser sees, without hosts, ports and schemes."""
    return re.sub(r"[A-Za-z0-9_.\[\]:/ -]+", "x", text)


@cache
def skeletons() -> set[str]:
    """Return the skeletons of the file for an address, a name, a scheme that is not http, and no url."""
    return {skeleton(render("upstreams.conf", keys_of(url))) for url in (PLAIN, "http://a:80", "x://a")}


FILES = ["upstreams.conf", "ai-gateway.conf", "api-gateway.conf"]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("url", NASTY)
def test_a_url_that_is_none_is_refused_by_key_and_not_by_value(file: str, url: str) -> None:
    """The message names the key; the value, which may hold a password, is not in it."""
    with pytest.raises(RenderFault, match=r"services/(web|ai-backend)/url") as caught:
        render(file, keys_of(url))
    assert "password" not in str(caught.value)


@pytest.mark.parametrize("file", FILES[1:])
def test_a_gateway_refuses_a_url_with_a_path(file: str) -> None:
    """The path would be dropped in silence, whatever is in it."""
    with pytest.raises(RenderFault, match="has a path"):
        render(file, keys_of("http://10.0.0.1/base;}"))


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(
        st.text(max_size=30),
        st.text(alphabet="ab1.:/[]{};$\"'\\ \n#-_@", max_size=20).map(lambda tail: f"http://{tail}"),
        st.text(alphabet="ab1.:/[]{};$\"'\\ \n#-_@", max_size=20).map(lambda tail: f"http://10.0.0.1:8{tail}"),
    )
)
@example("https://10.0.0.1/;}")
def test_any_url_is_refused_or_changes_no_structure(url: str) -> None:
    """Whatever text a url is, the file has the directives that it has for a plain address or a plain name."""
    try:
        text = render("upstreams.conf", keys_of(url))
    except RenderFault:
        return
    assert skeleton(text) in skeletons()


@pytest.mark.parametrize("address", ["10.0.0.1; }", "a b", "$host", "", "a\nb", "10.0.0.1:80", "[::1]", "unix:/x"])
def test_an_instance_with_an_address_that_is_none_is_refused(address: str) -> None:
    """What registered itself under such an address gets no line in the file."""
    with pytest.raises(RenderFault, match="service web"):
        render("upstreams.conf", {}, instance("web", 80, address))


@pytest.mark.parametrize(
    "origin",
    ["https://a;", 'https://a" 1; }', "https://a\n", "*", "null", "https://a/b", "https://$host", "", 1, None, ["x"]],
)
def test_an_origin_that_is_none_is_refused(origin: object) -> None:
    """The message says which entry of the list it is."""
    keys = {**keys_of(PLAIN), "config/cors/allowed_origins": ["https://good.test", origin]}
    with pytest.raises(RenderFault, match=r"config/cors/allowed_origins: entry 2"):
        render("api-gateway.conf", keys)


def test_a_long_list_of_long_origins_loads(nginx_server: Callable[..., NginxServer]) -> None:
    """Origins longer than nginx's hash buckets, and more than a few of them."""
    origins = [f"https://{'very-' * 30}long-{number}.test" for number in range(200)]
    nginx = nginx_server()
    nginx.write("a.conf", render("api-gateway.conf", {**keys_of(PLAIN), "config/cors/allowed_origins": origins}))
    ok, said = nginx.test()
    assert ok, said
