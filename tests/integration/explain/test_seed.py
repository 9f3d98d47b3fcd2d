"""`explain` on the shipped config and seed: every variable and pair, with its right key and ModifyIndex."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from syncd.sources.export import load_seed
from tests.integration.nginx.rendering import ROOT
from tests.support.cli import syncd_cli
from tests.support.consul import ConsulServer
from tests.support.kv_server import WorkersKV

CONFIG = (ROOT / "config.yaml").read_text()
TARGETS: dict[str, Any] = yaml.safe_load(CONFIG)["targets"]


class Site:
    """A checkout of the shipped files on a real Consul, in one environment."""

    def __init__(self, folder: Path, consul: ConsulServer, prefix: str, kv: WorkersKV, environment: str) -> None:
        self.folder, self.prefix, self.environment, self._consul = folder, prefix, environment, consul
        shutil.copytree(ROOT / "templates", folder / "templates")
        (folder / "config.yaml").write_text(CONFIG.replace("prefix: blog/", f"prefix: {prefix}"))
        self.raw = {one.key.removeprefix("blog/"): one.value.decode() for one in load_seed(ROOT / "seed.yaml").keys}
        consul.put_many({prefix + key: value for key, value in self.raw.items()})
        self._env = {
            "CONSUL_HTTP_ADDR": consul.url,
            "CF_ACCOUNT_ID": kv.account,
            "CF_KV_NAMESPACE_ID": kv.namespace,
            "CLOUDFLARE_API_TOKEN": kv.token,
            "CLOUDFLARE_BASE_URL": kv.base_url,
            "NGINX": "true",
            "SYNCD_ENVIRONMENT": environment,
        }

    def syncd(self, *args: str) -> str:
        """Run syncd, which must end with 0, and return what it says."""
        ran = syncd_cli(*args, cwd=self.folder, env=self._env)
        assert ran.rc == 0, ran.stderr
        return ran.stdout

    def source(self, key: str) -> tuple[str, int]:
        """Return the full key that wins for a relative one, and its ModifyIndex as Consul says it."""
        overlaid = f"env/{self.environment}/{key}"
        full = self.prefix + (overlaid if overlaid in self.raw else key)
        answer = self._consul.http("GET", f"/v1/kv/{full}?consistent")
        return full, int(answer.json()[0]["ModifyIndex"])


@pytest.fixture(params=["production", "development"])
def site(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    consul_server: ConsulServer,
    consul_prefix: str,
    kv_namespace: WorkersKV,
) -> Site:
    """The shipped files without and with keys in the overlay."""
    return Site(tmp_path, consul_server, consul_prefix, kv_namespace, request.param)


def wanted_keys(target: dict[str, Any], raw: dict[str, str]) -> dict[str, list[str]]:
    """Return the relative keys that each variable or pair of a target comes from, as config.yaml says it."""
    if target["kind"] == "cloudflare_kv":
        domains = [key for key in raw if key.startswith("config/domains/")]
        return {key: [key] for key in [*domains, *(key for key in target["keys"] if "*" not in key)]}
    found: dict[str, list[str]] = {}
    for name, var in target["vars"].items():
        if isinstance(var, str) or "key" in var:
            found[name] = [var if isinstance(var, str) else var["key"]]
        else:
            found[name] = [key for one, keys in found.items() if one in var["template"] for key in keys]
    return found


def test_every_variable_and_pair_is_explained(site: Site) -> None:
    """Each name of config.yaml with the key that feeds it, the layer that won and Consul's own ModifyIndex."""
    site.syncd("once")
    for name, target in TARGETS.items():
        text = site.syncd("explain", name, "--format", "json")
        assert "CHANGE-ME" not in text
        document = json.loads(text)
        assert document["in_sync"], document["why"]
        parts = {part["name"]: part for part in document["parts"]}
        if target["kind"] == "template":
            check_template(site, document)
            continue
        wanted = wanted_keys(target, site.raw)
        assert parts.keys() == wanted.keys()
        for part_name, keys in wanted.items():
            told = {(one["key"], one["modify_index"]) for one in parts[part_name]["keys"]}
            assert told == {site.source(key) for key in keys}, part_name
            layers = {one["layer"] for one in parts[part_name]["keys"]}
            assert layers == {"env/development" if "/env/development/" in key else "base" for key, _ in told}
            assert parts[part_name]["state"] == "in_sync"
            assert parts[part_name]["config"].startswith("config.yaml:")
            assert (parts[part_name]["value"] is None) is any(key.startswith("secrets/") for key in keys)


def check_template(site: Site, document: dict[str, Any]) -> None:
    """Every key that a shipped template reads has its ModifyIndex, and lines of the template that lead to it."""
    read = {part["name"]: part for part in document["parts"] if part["kind"] == "key"}
    assert {"services/ai-backend/url", "services/ai-serve/url"} <= read.keys()
    for name, part in read.items():
        (key,) = part["keys"]
        if key["exists"]:
            assert (key["key"], key["modify_index"]) == site.source(name)
        assert part["read_at"]
        for place in part["read_at"]:
            lines = (site.folder / place["file"]).read_text().split("\n")
            assert any(word in lines[place["line"] - 1] for word in ("key(", "tree(")), place


def test_the_text_fits_a_terminal(site: Site) -> None:
    """80 columns for every target, but for names and values that cannot be broken; no secret in any."""
    site.syncd("once")
    for name in TARGETS:
        text = site.syncd("explain", name)
        assert "CHANGE-ME" not in text
        long = [line for line in text.splitlines() if len(line) > 80]
        assert not [line for line in long if " " in line[12:]], long
    for form in ("text", "mermaid"):
        assert "CHANGE-ME" not in site.syncd("graph", "--format", form)


def test_graph_names_what_is_read(site: Site) -> None:
    """Every key of every variable stands with the targets and reloads that it reaches; offline without the made-up."""
    text = site.syncd("graph")
    assert "  services/ai-backend/url → ai-gateway, upstreams; reload nginx" in text
    assert "  config/domains/api → edge, backend-env" in text
    assert "config/domains/* (5 keys)" in text
    offline = site.syncd("graph", "--offline")
    assert "services/ai-backend/url" not in offline
    assert "services/** → upstreams; reload nginx" in offline
    assert "Consul was not asked" in offline
