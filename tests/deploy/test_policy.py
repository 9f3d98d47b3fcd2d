"""deploy/consul: the policy is enough for syncd, and no more, on a real Consul that denies by default."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.binaries import ROOT
from tests.support.consul import ConsulServer

CONFIG = """\
version: 1
owner: policy
consul: {address: "%s", token_file: token, prefix: shop/}
targets:
  app: {kind: env_file, path: out/app.env, vars: {A: config/a}, include: [{keys: "features/*", prefix: F_}]}
"""


def test_the_policy_is_enough_and_no_more(make_consul: Callable[..., ConsulServer], tmp_path: Path) -> None:
    """With a token of this policy `once` reads keys and globs; it can neither write them nor read others."""
    server = make_consul(acl=True)
    server.put_many({"shop/config/a": "1", "shop/features/x": "2", "other/key": "3"})
    token = server.token_for((ROOT / "deploy/consul/syncd-policy.hcl").read_text())
    (tmp_path / "config.yaml").write_text(CONFIG % server.url)
    (tmp_path / "token").write_text(token)
    argv = [sys.executable, "-m", "syncd", "once"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "F_X=2" in (tmp_path / "out" / "app.env").read_text()
    mine = {"X-Consul-Token": token}
    assert server.http("PUT", "/v1/kv/shop/config/a", b"4", headers=mine).status == 403
    assert server.http("GET", "/v1/kv/other/key", headers=mine).status in (403, 404)
