"""The real `docker compose` reads files here, without an engine."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.support.binaries import compose_command


def test_compose_reads_an_env_file(tmp_path: Path) -> None:
    """`docker compose config` shows what a container would get from an env file."""
    (tmp_path / "a.env").write_text("NAME='a $b c'\n")
    (tmp_path / "compose.yaml").write_text("services: {a: {image: x, env_file: a.env}}\n")
    argv, environment = compose_command()
    argv = [*argv, "-f", str(tmp_path / "compose.yaml"), "config", "--format", "json"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True, timeout=20)
    # Compose doubles the $ so that its own output can be read again.
    assert json.loads(done.stdout)["services"]["a"]["environment"] == {"NAME": "a $$b c"}
