"""A real nginx in front of a real upstream."""

from __future__ import annotations

from collections.abc import Callable

import aiohttp

from tests.support.backend import HttpBackend
from tests.support.http import Http
from tests.support.nginx import NginxServer
from tests.support.processes import free_port, wait_until

CONF = """
server {{
    listen 127.0.0.1:{port};
    location / {{
        proxy_pass {upstream};
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection "upgrade";
        proxy_buffering off;
    }}
}}
"""


def test_reload_moves_to_another_upstream(
    nginx_server: Callable[..., NginxServer], http_backend: Callable[..., HttpBackend]
) -> None:
    """Answers come from the old upstream, and from the new one after a reload; a bad file is refused by -t."""
    port, old, new = free_port(), http_backend("old"), http_backend("new")
    nginx = nginx_server(CONF.format(port=port, upstream=old.url)).start()
    ask = Http(f"http://127.0.0.1:{port}")
    assert ask("GET", "/a?x=1").json() == {"backend": "old", "path": "/a"}
    assert old.requests[0].path == "/a?x=1"
    assert ask("GET", "/a?status=503").status == 503
    nginx.write("test.conf", CONF.format(port=port, upstream=new.url))
    assert nginx.test()[0]
    nginx.reload()
    wait_until(lambda: ask("GET").json()["backend"] == "new")
    nginx.write("test.conf", "upstream empty {}")
    ok, said = nginx.test()
    assert not ok
    assert "no servers are inside upstream" in said


async def test_streams_and_websockets(
    nginx_server: Callable[..., NginxServer], http_backend: Callable[..., HttpBackend]
) -> None:
    """A first event arrives while the upstream still waits; a WebSocket echoes."""
    port, backend = free_port(), http_backend()
    nginx_server(CONF.format(port=port, upstream=backend.url)).start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        async with session.get("/s?answer=sse") as response:
            for number in range(3):
                assert await response.content.readuntil(b"\n\n") == f"data: {number}\n\n".encode()
                backend.release()
        async with session.ws_connect("/ws") as socket:
            await socket.send_str("hi")
            assert (await socket.receive(5)).data == "echo: hi"
