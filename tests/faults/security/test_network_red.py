"""The same traps with the protection taken out: each is asked, or answered, as it must not be."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.security.echo import Echo
from tests.faults.security.test_network import PROXIES, Redirect
from tests.faults.support.cli import syncd_without
from tests.faults.support.report import record
from tests.faults.support.running import Running
from tests.support.consul import ConsulServer
from tests.support.stack import Stack, stack

__all__ = ["stack"]
AREA = "Security"


@pytest.mark.e2e
def test_a_proxy_that_is_believed(stack: Stack, echo: Echo) -> None:
    """The trap of the shell's variables is asked for everything."""
    env = dict.fromkeys(PROXIES, echo.url) | {"NO_PROXY": "", "no_proxy": ""}
    stack.write_config()
    assert syncd_without("trusts_the_environment", "once", "--timeout", "3s", cwd=stack.folder, env=env).rc != 0
    assert any(stack.consul.url in one for one in echo.seen), echo.seen
    record("proxy variables that lead to a trap", area=AREA, red_without="clients that know no environment")


@pytest.mark.e2e
def test_a_redirect_that_is_followed(stack: Stack, echo: Echo) -> None:
    """The trap gets Consul's token and the reload's header."""
    trap = Redirect(echo.url)
    stack.config["consul"]["token"] = "pl4nt-token"
    stack.config["reloads"] = {"app": {"http": {"url": f"{trap.url}/reload", "headers": {"X-Key": "pl4nt-key"}}}}
    stack.config["targets"]["app-env"]["reload"] = "app"
    stack.write_config()
    syncd_without("follows_redirects", "once", cwd=stack.folder)
    stack.config["consul"]["address"] = trap.url
    stack.write_config()
    syncd_without("follows_redirects", "once", "--timeout", "3s", cwd=stack.folder)
    trap.close()
    asked = "".join(echo.seen)
    assert "pl4nt-key" in asked
    assert "pl4nt-token" in asked
    record("a redirect to a trap", area=AREA, red_without="no client that follows one")


@pytest.mark.e2e
def test_a_certificate_that_is_not_looked_at(stack: Stack, make_consul: Callable[..., ConsulServer]) -> None:
    """Whoever has any certificate is believed, and gets the token."""
    server = make_consul(tls=True)
    server.put_many({f"{stack.prefix}services/app/url": "http://stolen", f"{stack.prefix}secrets/db": "x"})
    assert server.ca is not None
    cert_file, key_file = server.ca.client()
    stack.config["consul"] |= {"address": server.url, "token": "pl4nt-token"}
    stack.config["consul"]["tls"] = {"cert_file": cert_file, "key_file": key_file}
    stack.write_config()
    done = syncd_without("trusts_any_certificate", "once", "--target", "app-env", cwd=stack.folder)
    assert done.rc == 0, done
    assert "http://stolen" in (stack.folder / "out/app.env").read_text()
    record("a certificate of an unknown CA", area=AREA, red_without="the check of the certificate")


@pytest.mark.e2e
def test_a_host_that_is_not_looked_at(tmp_path: Path) -> None:
    """Another site's name for our address reads the status."""
    (tmp_path / "seed.yaml").write_text("kv: {a: '1'}\n")
    targets = {"env": {"kind": "env_file", "path": "out/a.env", "vars": {"A": "a"}}}
    config = {"version": 1, "owner": "me", "targets": targets}
    daemon = Running(tmp_path, config, "--source", "seed.yaml", without="knows_every_host").wait_ready()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=5)
        connection.request("GET", "/api/v1/status", headers={"Host": "evil.example"})
        answer = connection.getresponse()
        assert (answer.status, b'"targets"' in answer.read()) == (200, True)
        connection.close()
    finally:
        daemon.close()
    record("requests that change, climb or rebind", area=AREA, red_without="the check of the Host")
