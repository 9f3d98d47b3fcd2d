"""Who syncd talks to, and who may talk to it: no proxy, no redirect, a read-only server for known hosts."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.security.echo import Echo
from tests.faults.support.report import record
from tests.faults.support.running import Running
from tests.support.cli import syncd_cli
from tests.support.consul import ConsulServer
from tests.support.stack import Stack, stack

__all__ = ["stack"]
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
METHODS = ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND")


def test_no_proxy_of_the_environment_is_asked(stack: Stack, echo: Echo) -> None:
    """Consul, Workers KV and a reload by HTTP are reached directly, whatever the shell has set."""
    reloaded = Echo(200)
    stack.config["reloads"] = {"app": {"http": {"url": f"{reloaded.url}/reload"}}}
    stack.config["targets"]["app-env"]["reload"] = "app"
    stack.env = dict.fromkeys(PROXIES, echo.url) | {"NO_PROXY": "", "no_proxy": ""}
    code, out, err = stack.syncd("once")
    reloaded.close()
    assert code == 0, out + err
    assert len(reloaded.seen) == 1
    assert echo.seen == []
    record("proxy variables that lead to a trap", area="Security", injected="environment", times=len(PROXIES))


@pytest.mark.e2e
def test_redirects_are_not_followed(stack: Stack, echo: Echo) -> None:
    """The token stays here: Consul, Workers KV and a reload that answer with a redirect are faults."""
    trap = Redirect(echo.url)
    stack.config["consul"]["token"] = "pl4nt-token"
    stack.config["reloads"] = {"app": {"http": {"url": f"{trap.url}/reload", "headers": {"X-Key": "pl4nt-key"}}}}
    stack.config["targets"]["app-env"]["reload"] = "app"
    stack.config["targets"]["edge"]["base_url"] = trap.url
    assert stack.syncd("once")[0] == 1
    asked = len(trap.seen)
    stack.config["consul"]["address"] = trap.url
    assert stack.syncd("once", "--timeout", "2s")[0] == 69
    trap.close()
    assert asked >= 2
    assert len(trap.seen) > asked
    assert echo.seen == []
    record("a redirect to a trap", area="Security", injected="302 of a server of the test's", times=len(trap.seen))


class Redirect(Echo):
    """Answers every request with a redirect."""

    def __init__(self, to: str) -> None:
        super().__init__(302, {"Location": f"{to}/stolen", "X-Consul-Index": "5"})


@pytest.mark.e2e
def test_tls_is_verified(stack: Stack, make_consul: Callable[..., ConsulServer]) -> None:
    """A Consul with a certificate of an unknown CA gets no token."""
    server = make_consul(tls=True)
    stack.config["consul"] |= {"address": server.url, "token": "pl4nt-token"}
    code, _, err = stack.syncd("once", "--timeout", "5s")
    assert code == 69
    assert "cannot be trusted" in err
    record("a certificate of an unknown CA", area="Security", injected="a real Consul with a private CA", times=1)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Running]:
    """A daemon on a seed, in sync."""
    (tmp_path / "seed.yaml").write_text("kv: {a: '1'}\n")
    targets = {"env": {"kind": "env_file", "path": "out/a.env", "vars": {"A": "a"}}}
    config: dict[str, Any] = {"version": 1, "owner": "me", "targets": targets}
    one = Running(tmp_path, config, "--source", "seed.yaml").wait_ready()
    yield one
    one.close()


def _ask(daemon: Running, method: str, path: str, host: str | None = None, body: bytes = b"") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=5)
    try:
        connection.putrequest(method, path, skip_host=True)
        if host is not None:
            connection.putheader("Host", host)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_the_status_server_is_read_only_and_knows_its_hosts(daemon: Running) -> None:
    """No method changes anything, no path leads to a file, and another site's name for our address reads nothing."""
    own = f"127.0.0.1:{daemon.port}"
    before = _files(daemon.folder)
    for method in METHODS:
        for path in ("/", "/api/v1/status", "/healthz", "/readyz", "/metrics", "/api/v1/reconcile"):
            status, _ = _ask(daemon, method, path, own, b"x=1")
            assert status in (400, 403, 404, 405, 501), (method, path, status)
    foreign = ("evil.example", "evil.example:80", f"127.0.0.1.evil.example:{daemon.port}", "", "localhost@evil.example")
    for host in foreign:
        for path in (
            "/api/v1/status",
            "/api/v1/../v1/status",
            "//api/v1/status",
            "/%61pi/v1/status",
            "/api%2fv1/status",
        ):
            status, body = _ask(daemon, "GET", path, host)
            assert status in (400, 403, 404, 421), (host, path, status)
            assert b"targets" not in body
    for path in (
        "/../config.yaml",
        "/..%2fconfig.yaml",
        "/%2e%2e/config.yaml",
        "/static/../../etc/passwd",
        "//etc/passwd",
    ):
        status, body = _ask(daemon, "GET", path, own)
        assert status in (400, 403, 404), (path, status)
        assert b"owner:" not in body
        assert b"root:" not in body
    assert json.loads(_ask(daemon, "GET", "/api/v1/status", f"LOCALHOST:{daemon.port}")[1])["targets"]
    assert _files(daemon.folder) == before
    assert daemon.ready()
    record("requests that change, climb or rebind", area="Security", injected="by HTTP", times=len(METHODS) * 6 + 30)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(one): one.read_bytes() for one in folder.rglob("*") if one.is_file() and one.name != "daemon.log"}


def test_the_status_server_listens_on_loopback_unless_told(daemon: Running, tmp_path: Path) -> None:
    """The default is 127.0.0.1, and the socket is nowhere else."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = [row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{daemon.port:04X}")]
    assert listening == [f"0100007F:{daemon.port:04X}"]
    schema = json.loads(syncd_cli("schema", cwd=tmp_path).stdout)
    assert '"default": "127.0.0.1:9464"' in json.dumps(schema)
