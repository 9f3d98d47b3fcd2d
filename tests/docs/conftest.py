"""What the pages are run against: a Consul with ACLs, a Workers KV namespace, and the programs a reader has."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.pages import Page, Step
from tests.support.consul import ConsulServer
from tests.support.kv_server import WorkersKV
from tests.support.processes import free_port

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("config.yaml", "seed.yaml", "templates")
HALF_BLIND = 'key_prefix "shop/domains/" { policy = "read" } key_prefix "shop/services/" { policy = "read" }'


@pytest.fixture
def typed(
    tmp_path: Path, make_consul: Callable[..., ConsulServer], kv_namespace: WorkersKV
) -> Callable[[str], list[Step]]:
    """typed("README.md"): the steps of a page with what was answered, run in a folder that holds what is shipped."""

    def run(name: str) -> list[Step]:
        consul = make_consul(acl=True)
        folder = tmp_path / "syncd"
        folder.mkdir()
        for one in SHIPPED:
            (shutil.copytree if (ROOT / one).is_dir() else shutil.copy)(ROOT / one, folder / one)
        env = {
            "PATH": f"{Path(sys.executable).parent}:{Path(consul.bin).parent}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "LANG": "C.UTF-8",
            "COLUMNS": "80",
            "CONSUL_HTTP_ADDR": consul.url,
            "CONSUL_HTTP_TOKEN": consul.token,
            "HALF_BLIND_TOKEN": consul.token_for(HALF_BLIND),
            "HTTP_PORT": str(free_port()),
            "CF_ACCOUNT_ID": kv_namespace.account,
            "CF_KV_NAMESPACE_ID": kv_namespace.namespace,
            "CLOUDFLARE_API_TOKEN": kv_namespace.token,
            "CLOUDFLARE_BASE_URL": kv_namespace.base_url,
        }
        page = Page.read(ROOT / name)
        steps = page.run(folder, env, {f"{folder}/": "", consul.url: "http://127.0.0.1:8500", f":{env['HTTP_PORT']}": ":9464"})
        for step in steps:
            assert "Traceback" not in step.said, step.said
            assert not re.search(r"command not found", step.said), step.said
        if os.environ.get("UPDATE_DOCS"):
            page.update()
        return steps

    return run
