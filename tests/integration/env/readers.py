"""The real readers of env files, each as a function from a file's text to its variables."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from io import StringIO
from pathlib import Path

import dotenv

from tests.support.binaries import compose_command, missing

from .fake_engine import FakeEngine

_GENERATOR = Path("/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator")
_ENV = shutil.which("env") or "/usr/bin/env"


def by_shell(shell: list[str], text: str, folder: Path) -> dict[str, str]:
    """Source the file with everything exported, and let a child print its environment."""
    (folder / "x.env").write_bytes(text.encode())
    done = subprocess.run(
        [*shell, "-c", f"set -a; . ./x.env; exec {_ENV} -0"], cwd=folder, env={}, capture_output=True, check=True
    )
    assert not done.stderr
    return _nul_separated(done.stdout)


def by_compose(text: str, folder: Path) -> dict[str, str]:
    """Let `docker compose config` read it as a service's `env_file:`."""
    argv, environment = compose_command()
    (folder / "x.env").write_bytes(text.encode())
    (folder / "compose.yaml").write_text('services: {a: {image: x, env_file: [x.env]}}\nname: "syncd-test"\n')
    done = subprocess.run(
        [*argv, "config", "--format", "json"], cwd=folder, env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout)["services"]["a"].get("environment", {})
    return {name: value.replace("$$", "$") for name, value in found.items()}  # config escapes what it prints


def by_docker(text: str, folder: Path) -> dict[str, str]:
    """Let the docker command line read it as `--env-file` and take what it posts to an engine (a fake one)."""
    argv, environment = compose_command()
    (folder / "x.env").write_bytes(text.encode())
    with FakeEngine() as engine:
        done = subprocess.run(
            [argv[0], "create", "--env-file", "x.env", "image"],
            cwd=folder,
            env={**environment, "DOCKER_HOST": f"unix://{engine.path}"},
            capture_output=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode()
    return dict(one.split("=", 1) for one in engine.created[0]["Env"] or [])


def by_python_dotenv(text: str) -> dict[str, str | None]:
    """Read it with python-dotenv, which cannot be told to leave `$` in single quotes alone: expansion is off."""
    return dotenv.dotenv_values(stream=StringIO(text, newline=""), interpolate=False)


def by_systemd(text: str, folder: Path) -> dict[str, str]:
    """Let systemd's own parser read it: its environment.d generator, one plain process without side effects.

    That generator expands `$` after parsing, which EnvironmentFile= does not (hence `$$`), and leaves out empty values.
    A manager is never started for this: as root it would move other processes of the machine into its control group.
    """
    if not _GENERATOR.exists():
        missing("systemd")
    settings = folder / "home/.config/environment.d"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "x.conf").write_bytes(text.replace("$", "$$").encode())
    done = subprocess.run([_GENERATOR], env={"HOME": str(folder / "home")}, capture_output=True, check=True)
    return dict(_unescaped(line).split("=", 1) for line in done.stdout.splitlines())


def _unescaped(line: bytes) -> str:
    """Return `NAME="value"` as the generator prints it without quotes and C escapes."""
    name, _, value = line.partition(b"=")
    if value.startswith(b'"'):
        value = re.sub(rb"\\([0-7]{3}|.)", _escape, value[1:-1])
    return (name + b"=" + value).decode()


def _escape(match: re.Match[bytes]) -> bytes:
    code = match.group(1)
    if len(code) == 3:
        return bytes([int(code, 8)])
    return {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}.get(code, code)


def _nul_separated(output: bytes) -> dict[str, str]:
    return dict(one.split("=", 1) for one in output.decode().split("\0") if one)
