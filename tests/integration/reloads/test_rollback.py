"""A probe that fails puts the files back, on a real nginx, while a client asks it again and again."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.backend import HttpBackend
from tests.support.http import Http
from tests.support.nginx import NginxServer
from tests.support.processes import free_port, wait_until
from tests.support.site import Site

UPSTREAM = """\
upstream app {{ server 127.0.0.1:{backend}; }}
server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://app; }}
    location = /health {{ proxy_pass http://app/health?status={health}; }}
}}
"""


class Client:
    """Asks the same URL again and again with `Connection: close`; `answers` holds who answered, or what went wrong."""

    def __init__(self, url: str) -> None:
        self.answers: list[str] = []
        self._http = Http(url, {"Connection": "close"})
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Client:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                answer = self._http("GET", "/")
                self.answers.append(answer.json()["backend"] if answer.status == 200 else str(answer.status))
            except OSError as error:
                self.answers.append(repr(error))


@pytest.fixture
def proxied(tmp_path: Path, nginx_server: Callable[..., NginxServer]) -> tuple[Site, NginxServer, int]:
    """A running nginx whose files a site writes and probes: (site, nginx, port)."""
    port = free_port()
    nginx = nginx_server("", conf_dir=tmp_path / "out/nginx").start()
    reload = {
        "check": list(nginx.test_argv),
        "run": list(nginx.reload_argv),
        "probe": {"http": {"url": f"http://127.0.0.1:{port}/health"}, "within": "1s"},
    }
    return Site(tmp_path, "nginx", reload), nginx, port


def test_back_to_the_old_upstream_and_no_request_fails(
    proxied: tuple[Site, NginxServer, int], http_backend: Callable[..., HttpBackend]
) -> None:
    """The new upstream says that it is not well: the old one serves again, byte for byte; a client notices nothing."""
    site, nginx, port = proxied
    first, second = http_backend("first"), http_backend("second")
    site.outputs = {
        "out/nginx/a.conf": UPSTREAM.format(backend=first.port, port=port, health=200),
        "out/nginx/b.conf": "# old\n",
    }
    code, report = site.once()
    assert (code, report["reloads"]) == (0, [{"reload": "nginx", "state": "done", "error": None}])
    before = {output: site.path(output).read_bytes() for output in site.outputs}
    site.outputs = {
        "out/nginx/a.conf": UPSTREAM.format(backend=second.port, port=port, health=503),
        "out/nginx/b.conf": "# new\n",
        "out/nginx/c.conf": "# was not there\n",
    }
    with Client(f"http://127.0.0.1:{port}") as client:
        wait_until(lambda: client.answers)
        code, report = site.once()
        wait_until(lambda: client.answers[-1] == "first", why="the old upstream serves again")
        workers = nginx.workers()
        seen = len(client.answers)
        wait_until(lambda: len(client.answers) > seen + 50, why="it stays so")
    assert set(client.answers) == {"first", "second"}
    assert client.answers[-1] == "first"
    assert nginx.workers() <= workers  # no new one: nothing was reloaded meanwhile
    assert code == 1
    (reload,) = report["reloads"]
    assert reload["state"] == "failed"
    assert re.fullmatch(
        rf"probe of nginx failed for 1 s: http://127\.0\.0\.1:{port}/health answered 503, not 2xx: .*; "
        "the files were put back and reloaded",
        reload["error"],
    )
    assert [(one["outcome"], one["error"]) for one in report["targets"]] == [("failed", reload["error"])] * 3
    assert {output: site.path(output).read_bytes() for output in before} == before
    assert not site.path("out/nginx/c.conf").exists()
    assert site.left_over() == []
    code, plan = site.syncd("plan", "--format", "json", "--detailed-exitcode")[:2]
    assert (code, '"state": "owed"' in plan) == (2, False)
    site.outputs["out/nginx/a.conf"] = UPSTREAM.format(backend=second.port, port=port, health=200)
    assert site.once()[0] == 0
    assert site.left_over() == []
    assert Http(f"http://127.0.0.1:{port}")("GET", "/").json()["backend"] == "second"
