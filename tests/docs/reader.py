"""What a reader of the pages has: the shipped files, the programs, a Consul with ACLs and a Workers KV namespace."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tests.docs.pages import Page
from tests.support.consul import ConsulServer
from tests.support.kv_server import WorkersKV
from tests.support.processes import free_port

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("config.yaml", "seed.yaml", "templates")
HALF_BLIND = 'key_prefix "shop/domains/" { policy = "read" } key_prefix "shop/services/" { policy = "read" }'


def read_and_type(name: str, folder: Path, consul: ConsulServer, kv: WorkersKV) -> None:
    """Type all runnable blocks of a page, and make sure that each is answered as the page shows.

    With `UPDATE_DOCS` in the environment the page is given the answers first.
    """
    for one in SHIPPED:
        (shutil.copytree if (ROOT / one).is_dir() else shutil.copy)(ROOT / one, folder / one)
    port = str(free_port())
    env = {
        "PATH": f"{Path(sys.executable).parent}:{Path(consul.bin).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "COLUMNS": "80",
        "CONSUL_HTTP_ADDR": consul.url,
        "CONSUL_HTTP_TOKEN": consul.token,
        "HALF_BLIND_TOKEN": consul.token_for(HALF_BLIND),
        "HTTP_PORT": port,
        "CF_ACCOUNT_ID": kv.account,
        "CF_KV_NAMESPACE_ID": kv.namespace,
        "CLOUDFLARE_API_TOKEN": kv.token,
        "CLOUDFLARE_BASE_URL": kv.base_url,
    }
    page = Page.read(ROOT / name)
    page.run(folder, env, {f"{folder}/": "", consul.url: "http://127.0.0.1:8500", f":{port}": ":9464"})
    if os.environ.get("UPDATE_DOCS"):
        page.update()
    for step in page.steps:
        assert "Traceback" not in step.said, step.said
        assert step.fits, f"{name}:{step.line}: $ {step.command}\n--- answers\n{step.said}--- shown\n{step.shown}"
