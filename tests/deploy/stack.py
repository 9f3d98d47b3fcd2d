"""A Compose stack of deploy/compose on an engine, published on free ports."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tests.deploy import standins
from tests.deploy.conftest import IMAGE
from tests.support.binaries import ROOT
from tests.support.docker import Engine
from tests.support.http import Http
from tests.support.processes import free_port

FOLDER = ROOT / "deploy" / "compose"


class Stack:
    """The stack that `files` of deploy/compose make, with `token` as syncd's."""

    def __init__(self, engine: Engine, token: str, folder: Path, *files: str) -> None:
        self._engine = engine
        self._files = [word for name in files for word in ("-f", str(FOLDER / name))]
        secret = _readable(folder) / "consul_token"
        secret.write_text(token + "\n")
        os.chown(secret, 10001, 10001)
        secret.chmod(0o440)
        ports = {name: str(free_port()) for name in ("CONSUL_PORT", "SYNCD_PORT", "GATEWAY_PORT")}
        images = {"CONSUL_IMAGE": standins.CONSUL, "NGINX_IMAGE": standins.NGINX}
        images |= {"SYNCD_IMAGE": IMAGE, "BACKEND_IMAGE": standins.PYTHON, "PYTHON_IMAGE": standins.PYTHON}
        self._environment = {**ports, **images, "CONSUL_TOKEN_FILE": str(secret)}
        self._gateway = Http(f"http://127.0.0.1:{ports['GATEWAY_PORT']}", timeout_s=5)
        self._syncd = Http(f"http://127.0.0.1:{ports['SYNCD_PORT']}", timeout_s=5)

    def compose(self, *words: str) -> str:
        """Run `docker compose WORDS` on the stack."""
        return self._engine.ok("compose", *self._files, *words, env=self._environment)

    def refused(self, *words: str) -> bool:
        """Run the same where it may fail; True where it did."""
        return self._engine.run("compose", *self._files, *words, env=self._environment).code != 0

    def put(self, key: str, value: str) -> None:
        """Write a key, by the consul of the container."""
        self.compose("exec", "-T", "consul", "consul", "kv", "put", key, value)

    def answer(self) -> str:
        """Return what comes through the gateway now; "" where nobody answers."""
        try:
            return self._gateway("GET", "/").text
        except OSError:
            return ""

    def target(self, name: str) -> dict[str, Any]:
        """Return what the daemon says of a target; {} where it does not answer."""
        try:
            found = self._syncd("GET", "/api/v1/status").json()["targets"]
        except OSError:
            return {}
        return next(one for one in found if one["name"] == name)

    def read(self, service: str, path: str) -> str:
        """Return a file of a container."""
        return self.compose("exec", "-T", service, "cat", path)

    def container(self, service: str) -> dict[str, Any]:
        """Return what the engine knows of a service's container."""
        return self._engine.inspect(self.compose("ps", "-aq", service).strip())


def _readable(folder: Path) -> Path:
    """Let every user into a folder of pytest: a secret keeps its owner and mode in the container."""
    for part in (folder, *folder.parents):
        if part.name.startswith("pytest-") or part == folder:
            part.chmod(0o755)
    return folder
