"""A small stack of its own for each test: a prefix in a real Consul, a real namespace, a real nginx, one config."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cli import syncd_cli
from tests.support.consul import ConsulServer
from tests.support.kv_server import WorkersKV
from tests.support.nginx import NginxServer
from tests.support.processes import free_port

UPSTREAM_TEMPLATE = """\
upstream app { server {{ key('services/app/url') | hostport }}; }
server { listen 127.0.0.1:{{ port }}; location / { proxy_pass http://app; } }
"""


@dataclass
class Stack:
    """One config and the servers that it names."""

    folder: Path
    consul: ConsulServer
    prefix: str
    kv: WorkersKV
    config: dict[str, Any]
    env: dict[str, str] = field(default_factory=dict)

    def put(self, **keys: str) -> None:
        """Put keys under the prefix; `__` stands for `/`."""
        self.consul.put_many({self.prefix + key.replace("__", "/"): value for key, value in keys.items()})

    def delete(self, key: str) -> None:
        """Delete one key under the prefix."""
        self.consul.delete(self.prefix + key)

    def write_config(self) -> None:
        """Write `config` to config.yaml."""
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.config, sort_keys=False))

    def syncd(self, *args: str) -> tuple[int, str, str]:
        """Run syncd in the folder: (exit code, stdout, stderr)."""
        self.write_config()
        return syncd_cli(*args, cwd=self.folder, env=self.env)

    def json(self, *args: str) -> tuple[int, dict[str, Any]]:
        """Run syncd with `--format json`: (exit code, document)."""
        code, out, err = self.syncd(*args, "--format", "json")
        assert out, err
        return code, json.loads(out)

    def target(self, document: dict[str, Any], name: str) -> dict[str, Any]:
        """Return one target of a document."""
        return next(one for one in document["targets"] if one["target"] == name)


@pytest.fixture
def stack(tmp_path: Path, consul_server: ConsulServer, consul_prefix: str, kv_namespace: WorkersKV) -> Stack:
    """A stack with an edge namespace and one env file, its keys already in Consul."""
    config = {
        "version": 1,
        "owner": "test-owner",
        "consul": {"address": consul_server.url, "prefix": consul_prefix},
        "targets": {
            "edge": {
                "kind": "cloudflare_kv",
                "account_id": kv_namespace.account,
                "namespace_id": kv_namespace.namespace,
                "api_token": kv_namespace.token,
                "base_url": kv_namespace.base_url,
                "keys": ["config/domains/*"],
            },
            "app-env": {
                "kind": "env_file",
                "path": "out/app.env",
                "vars": {"APP_URL": "services/app/url", "DB_PASSWORD": "secrets/db"},
            },
        },
    }
    stack = Stack(tmp_path, consul_server, consul_prefix, kv_namespace, config)
    stack.put(
        config__domains__api="https://api.example.com",
        config__domains__web="https://www.example.com",
        services__app__url="http://127.0.0.1:9",
        secrets__db="planted-s3cret",
    )
    return stack


@pytest.fixture
def with_nginx(stack: Stack, nginx_server: Callable[..., NginxServer]) -> tuple[Stack, NginxServer, int]:
    """The stack with a running nginx whose configuration syncd writes: (stack, nginx, port it serves on)."""
    port = free_port()
    nginx = nginx_server("", conf_dir=stack.folder / "out" / "nginx")
    (stack.folder / "app.conf.j2").write_text(UPSTREAM_TEMPLATE)
    stack.config["reloads"] = {"nginx": {"check": list(nginx.test_argv), "run": list(nginx.reload_argv)}}
    stack.config["targets"]["proxy"] = {
        "kind": "template",
        "template": "app.conf.j2",
        "path": "out/nginx/app.conf",
        "vars": {"port": port},
        "reload": "nginx",
    }
    nginx.start()
    return stack, nginx, port
