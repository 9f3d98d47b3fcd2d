"""The shipped config.yaml with the shipped seed, on a real Consul, a real Workers KV and a real nginx."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from syncd.sources.export import load_seed
from syncd.sources.seed import Seed
from tests.integration.nginx.rendering import ROOT
from tests.support.backend import HttpBackend
from tests.support.cli import Ran, syncd_cli
from tests.support.consul import ConsulServer
from tests.support.http import Http
from tests.support.kv_server import WorkersKV
from tests.support.nginx import NginxServer
from tests.support.processes import free_port, wait_until

ENV_FILES = ["out/ai.env", "out/backend.env", "out/n8n.env"]
NGINX_FILES = ["out/nginx/ai-gateway.conf", "out/nginx/upstreams.conf"]
PAIRS = [*(f"config/domains/{name}" for name in ("api", "assets", "frontend", "n8n", "terminal"))]
PAIRS = sorted([*PAIRS, "config/cors/allowed_origins", "services/backend/url"])


def fill(consul: ConsulServer, seed: Seed) -> None:
    """Put a seed into a Consul: its keys, and its services with their states."""
    consul.put_many({one.key: one.value.decode() for one in seed.keys})
    for instance in [one for instances in (seed.services or {}).values() for one in instances]:
        consul.register(
            {
                "ID": instance.id,
                "Name": instance.name,
                "Address": instance.address,
                "Port": instance.port,
                "Tags": list(instance.tags),
                "Check": {"TTL": "1h", "Status": instance.status},
            }
        )


class Operator:
    """Somebody with a checkout: runs syncd in it, with an nginx on PATH that logs how it was called."""

    def __init__(self, folder: Path, consul: ConsulServer, kv: WorkersKV, nginx: NginxServer) -> None:
        self.folder = folder
        self.port = free_port()
        self.calls = folder / "nginx-calls"
        self.nginx = nginx
        shutil.copytree(ROOT / "templates", folder / "templates")
        config = (ROOT / "config.yaml").read_text()
        (folder / "config.yaml").write_text(config.replace("listen: 7000", f"listen: {self.port}"))
        binary = folder / "bin" / "nginx"
        binary.parent.mkdir()
        # As an installed nginx: without -c it has a main configuration of its own.
        own = " ".join(nginx.reload_argv[1:-2])
        binary.write_text(f'#!/bin/sh\necho "$@" >> {self.calls}\nexec {nginx.reload_argv[0]} {own} "$@"\n')
        binary.chmod(0o755)
        self.env = {
            "CF_ACCOUNT_ID": kv.account,
            "CF_KV_NAMESPACE_ID": kv.namespace,
            "CLOUDFLARE_API_TOKEN": kv.token,
            "CLOUDFLARE_BASE_URL": kv.base_url,
            "CONSUL_HTTP_ADDR": consul.url,
            "NGINX": str(binary),
        }

    def run(self, *args: str, **env: str) -> Ran:
        """Run syncd."""
        return syncd_cli(*args, cwd=self.folder, env={**self.env, **env})

    def outputs(self) -> dict[str, bytes]:
        """Return every file below out/, by its path."""
        found = [path for path in (self.folder / "out").rglob("*") if path.is_file()]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in sorted(found)}

    def reloads(self) -> int:
        """Return how often nginx was told to reload."""
        return self.calls.read_text().count("-s reload")


@pytest.fixture
def consul(make_consul: Callable[..., ConsulServer]) -> ConsulServer:
    """A Consul of the test's own that holds the seed."""
    server = make_consul()
    fill(server, load_seed(ROOT / "seed.yaml"))
    return server


@pytest.fixture
def operator(
    tmp_path: Path, consul: ConsulServer, kv_namespace: WorkersKV, nginx_server: Callable[..., NginxServer]
) -> Operator:
    """An operator with an empty folder, an empty namespace, and an nginx that does not run."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    return Operator(folder, consul, kv_namespace, nginx_server(conf_dir=folder / "out/nginx"))


def test_from_empty(operator: Operator, kv_namespace: WorkersKV) -> None:
    """One run writes 3 env files, 2 nginx files, 7 pairs; a second one writes and reloads nothing; no nginx runs.

    nginx's check is part of it: none of production's names resolves here.
    """
    shutil.rmtree(operator.folder / "out")
    first = operator.run("once")
    assert first.rc == 0, first
    assert sorted(operator.outputs()) == ENV_FILES + NGINX_FILES
    assert sorted(kv_namespace.list("")) == PAIRS
    assert kv_namespace.read_through_worker("config/domains/frontend") == "https://noblog.nodove.com"
    before = {path: (operator.folder / path).stat() for path in operator.outputs()}
    assert {path for path, stat in before.items() if stat.st_mode & 0o777 == 0o600} == set(ENV_FILES)
    writes, reloads = len(kv_namespace.requests("PUT bulk")), operator.reloads()
    second = operator.run("once")
    assert second.rc == 0, second
    assert {path: stat.st_mtime_ns for path, stat in before.items()} == {
        path: (operator.folder / path).stat().st_mtime_ns for path in operator.outputs()
    }
    assert (len(kv_namespace.requests("PUT bulk")), operator.reloads()) == (writes, reloads)
    assert operator.run("plan", "--detailed-exitcode").rc == 0


def test_a_changed_key_reaches_a_running_nginx(
    operator: Operator, consul: ConsulServer, http_backend: Callable[..., HttpBackend]
) -> None:
    """The plan shows it (2), once carries it out, nginx answers from the new service, and the plan is empty (0)."""
    assert operator.run("once").rc == 0
    operator.nginx.start()
    client = Http(f"http://127.0.0.1:{operator.port}")
    assert client("GET", "/health").json() == {"ok": True, "service": "ai-gateway"}
    consul.put("blog/services/ai-backend/url", http_backend("new").url)
    planned = operator.run("plan", "--detailed-exitcode")
    assert planned.rc == 2, planned
    assert next(line for line in planned.stdout.splitlines() if line.startswith("ai-env")).endswith("in sync")
    reloads = operator.reloads()
    assert operator.run("once").rc == 0
    assert operator.reloads() == reloads + 1
    wait_until(lambda: client("GET", "/v1/models").status == 200, why="the new backend answers")
    assert client("GET", "/v1/models").json()["backend"] == "new"
    assert operator.run("plan", "--detailed-exitcode").rc == 0


def test_what_nginx_refuses_is_put_back(operator: Operator, consul: ConsulServer) -> None:
    """A template that nginx does not like: both files stay as they were, no reload, nginx's words, the rest is done."""
    assert operator.run("once").rc == 0
    before, reloads = operator.outputs(), operator.reloads()
    with (operator.folder / "templates/nginx/upstreams.conf.j2").open("a") as template:
        template.write("upstream nobody {\n}\n")
    consul.put("blog/services/ai-backend/url", "http://127.0.0.1:1")
    consul.put("blog/config/ai/default_model", "another")
    ended = operator.run("once")
    assert ended.rc == 1
    assert "no servers are inside upstream" in ended.stdout + ended.stderr
    after = operator.outputs()
    assert {path: after[path] for path in NGINX_FILES} == {path: before[path] for path in NGINX_FILES}
    assert b"AI_DEFAULT_MODEL=another" in after["out/ai.env"]
    assert operator.reloads() == reloads


def test_the_seed_as_source_gives_the_same_files(operator: Operator) -> None:
    """The live Consul and --source seed.yaml: the same bytes."""
    assert operator.run("once").rc == 0
    live = operator.outputs()
    shutil.rmtree(operator.folder / "out")
    ended = operator.run("once", "--source", str(ROOT / "seed.yaml"))
    assert ended.rc == 0, ended
    assert operator.outputs() == live


def test_an_export_as_source(operator: Operator, consul: ConsulServer) -> None:
    """An export has no catalog: what came from it is held; without any service the bytes are the same."""
    assert operator.run("once").rc == 0
    (operator.folder / "export.json").write_bytes(consul.export("blog/"))
    ended = operator.run("plan", "--source", "export.json")
    assert (ended.rc, "the catalog listed services and lists none now" in ended.stdout) == (3, True)
    for name in ("n8n-1", "n8n-2"):
        consul.deregister(name)
    shutil.rmtree(operator.folder / "out")
    shutil.rmtree(operator.folder / ".syncd")
    assert operator.run("once").rc == 0
    live = operator.outputs()
    assert operator.run("plan", "--source", "export.json", "--detailed-exitcode").rc == 0
    shutil.rmtree(operator.folder / "out")
    assert operator.run("once", "--source", "export.json").rc == 0
    assert operator.outputs() == live


def test_without_an_nginx(operator: Operator) -> None:
    """`NGINX=true` writes the files unchecked; an nginx that is not there is a failed check, which keeps them out."""
    ended = operator.run("once", NGINX="no-such-nginx")
    assert ended.rc == 1
    assert "no-such-nginx" in ended.stdout + ended.stderr
    assert sorted(operator.outputs()) == ENV_FILES
    assert operator.run("once", NGINX="true").rc == 0
    assert sorted(operator.outputs()) == ENV_FILES + NGINX_FILES


def test_the_database_url_holds_any_password(operator: Operator, consul: ConsulServer) -> None:
    """A password with what a URL gives a meaning to is encoded."""
    consul.put("blog/secrets/database/postgres_password", "a/b@c:d%e f#?é")
    assert operator.run("once", "--target", "backend-env").rc == 0
    found = (operator.folder / "out/backend.env").read_text()
    assert "DATABASE_URL=postgresql://blog:a%2Fb%40c%3Ad%25e%20f%23%3F%C3%A9@postgres:5432/blog" in found


def test_the_keys_of_the_plain_stack_are_enough(operator: Operator, consul: ConsulServer) -> None:
    """A Consul that has what the stack always had, and none of what syncd's seed adds, is served with defaults."""
    for added in ("config/ai/", "secrets/external/", "services/postgres/user", "gateway/", "env/"):
        consul.delete(f"blog/{added}", recurse=True)
    consul.deregister_all()
    ended = operator.run("once")
    assert ended.rc == 0, ended
    assert "AI_DEFAULT_MODEL=gpt-4.1\n" in (operator.folder / "out/ai.env").read_text()
