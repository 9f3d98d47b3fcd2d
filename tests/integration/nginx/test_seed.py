"""seed.yaml holds the whole stack, and its environments do what they say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
import yaml

from syncd.core.snapshot import Rules, layered
from syncd.sources.export import load_seed
from tests.integration.nginx.rendering import ROOT, render
from tests.support.cli import syncd_cli
from tests.support.nginx import NginxServer

SEED = ROOT / "seed.yaml"
LOCAL = ("127.0.0.1", "localhost")


def values(environment: str) -> dict[str, str]:
    """Return what a target sees in an environment."""
    raw = load_seed(SEED).keys
    assert all(one.key.startswith("blog/") for one in raw)
    keys = [type(one)(one.key.removeprefix("blog/"), one.value, 0) for one in raw]
    return {key: item.value.decode() for key, item in layered(keys, Rules(environment)).items()}


def test_it_holds_the_values_of_the_stack() -> None:
    """A sample of each kind: text, number, boolean, list, and a key that holds JSON and has children."""
    found = values("production")
    assert found["config/env"] == "production"
    assert found["services/backend/timeout"] == "30000"
    assert found["config/features/terminal_enabled"] == "false"
    assert json.loads(found["config/cors/allowed_origins"])[-2:] == ["http://localhost:5173", "http://localhost:3000"]
    whole = json.loads(found["services/ai-gateway"])
    assert whole["retry"] == {"attempts": 3, "delay": 1000, "backoff": "exponential"}
    for field in ("url", "health_path", "timeout"):
        assert found[f"services/ai-gateway/{field}"] == str(whole[field])
    assert json.loads(found["services/n8n/webhooks"])["vision"] == "/webhook/ai/vision"


def test_secrets_are_placeholders() -> None:
    """Every one says so itself."""
    secrets = {key: value for key, value in values("production").items() if key.startswith("secrets/")}
    assert len(secrets) == 13
    assert all(value.startswith("CHANGE-ME-") for value in secrets.values())


def test_development_needs_no_name_of_the_stack() -> None:
    """Every url, host, domain and origin is this machine; the keys are production's."""
    found = values("development")
    assert found.keys() == values("production").keys()
    for key, value in found.items():
        assert set(re.findall(r"://(?:[^/@\s\"]*@)?([^:/\"\s]+)", value)) <= set(LOCAL), key
        if key.endswith("/host"):
            assert value in LOCAL, key


def test_staging_differs_in_little() -> None:
    """Its own domains; all else is production's."""
    staging, production = values("staging"), values("production")
    assert {key for key in production if staging[key] != production[key]} == {
        "config/env",
        "config/domains/api",
        "config/domains/frontend",
        "config/features/terminal_enabled",
    }


def test_no_service_is_both_in_the_catalog_and_has_a_url() -> None:
    """Else a changed url would change nothing, which surprises who tries it."""
    services = load_seed(SEED).services or {}
    assert services
    assert not [name for name in services if f"services/{name}/url" in values("production")]


def test_the_config_names_its_schema() -> None:
    """The first line names a file that is what `syncd schema` prints; if not: syncd schema > schema.json."""
    first = (ROOT / "config.yaml").read_text().splitlines()[0]
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert named
    assert json.loads((ROOT / named[1]).read_text()) == json.loads(syncd_cli("schema", cwd=ROOT).stdout)


@pytest.mark.parametrize("environment", ["production", "staging", "development"])
def test_all_templates_take_it(nginx_server: Callable[..., NginxServer], environment: str) -> None:
    """In every environment nginx loads all three files together, though no name of the stack resolves here."""
    nginx = nginx_server()
    for name in ("upstreams.conf", "ai-gateway.conf", "api-gateway.conf"):
        nginx.write(name, render(name, values(environment)))
    ok, said = nginx.test()
    assert ok, said


def test_the_routes_in_the_docs_are_routes() -> None:
    """Every JSON example of docs/nginx.md."""
    examples = re.findall(r"```json\n(.*?)```", (ROOT / "docs/nginx.md").read_text(), re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        assert "/api/v1/images" in render("api-gateway.conf", {**values("production"), "gateway/routes": example})


@pytest.mark.parametrize("name", ["config.yaml", "seed.yaml"])
def test_they_are_plain_yaml(name: str) -> None:
    """Any YAML reader takes them."""
    assert yaml.safe_load((ROOT / name).read_text())
