"""Our image on a real engine: built on a stand-in base, run with a read-only file system and no capability at all."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import syncd
from tests.deploy import standins
from tests.deploy.conftest import IMAGE, REVISION
from tests.support.docker import Engine
from tests.support.processes import wait_until

pytestmark = pytest.mark.e2e

LOCKED = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
MB = 1_000_000

CONFIG = """\
version: 1
owner: image
state_dir: /var/lib/syncd
targets:
  env: {kind: env_file, path: /srv/syncd/env/app.env, vars: {GREETING: greeting}}
  edge:
    kind: cloudflare_kv
    account_id: a
    namespace_id: n
    api_token: t
    base_url: ${KV_URL:-http://127.0.0.1:9/client/v4}
    keys: [greeting]
"""
SEED = "kv: {greeting: hello}\n"

Run = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a config and a seed that any user may read."""
    tmp_path.chmod(0o755)
    for name, text in (("config.yaml", CONFIG), ("seed.yaml", SEED)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o644)
    return tmp_path


@pytest.fixture
def run(engine: Engine, folder: Path) -> Iterator[Run]:
    """run(*words): a container of our image in the background, on the config; gives its name."""
    names: list[str] = []

    def start(*words: str, options: tuple[str, ...] = ()) -> str:
        names.append(f"syncd-{uuid.uuid4().hex[:8]}")
        mounts = ["-v", f"{folder}:/etc/syncd:ro"]
        engine.ok("run", "-d", "--name", names[-1], *LOCKED, *mounts, *options, IMAGE, *words)
        return names[-1]

    yield start
    for name in names:
        engine.run("rm", "-f", "-v", name)


def test_size(engine: Engine) -> None:
    """At most 60 MB on top of the base image."""
    added = engine.inspect(IMAGE)["Size"] - engine.inspect(standins.PYTHON)["Size"]
    assert added <= 60 * MB, f"{added / MB:.1f} MB"


def test_labels_user_and_version(engine: Engine) -> None:
    """It says what it is, runs as 10001, and holds this version."""
    config = engine.inspect(IMAGE)["Config"]
    assert config["User"] == "10001:10001"
    assert config["Labels"]["org.opencontainers.image.version"] == syncd.__version__
    assert config["Labels"]["org.opencontainers.image.revision"] == REVISION
    assert config["Healthcheck"]["Test"] == ["CMD", "syncd", "status"]
    assert engine.ok("run", "--rm", *LOCKED, IMAGE, "--version") == f"syncd {syncd.__version__}\n"


def test_only_locked_packages(engine: Engine) -> None:
    """Every package in it is a line of requirements.lock, and there is no installer."""
    said = "from importlib.metadata import distributions as d; print(*[f'{x.name}=={x.version}' for x in d()])"
    found = engine.ok("run", "--rm", *LOCKED, "--entrypoint", "python", IMAGE, "-c", said).lower().split()
    locked = Path("requirements.lock").read_text().lower()
    ours = {name.replace("_", "-") for name in found} - {f"syncd=={syncd.__version__}"}
    assert ours
    assert not [name for name in ours if f"{name} " not in locked]


def test_once_writes_a_file(engine: Engine, folder: Path) -> None:
    """`once` on a read-only file system, without capabilities: state and outputs go to volumes alone."""
    mounts = ["-v", f"{folder}:/etc/syncd:ro", "--tmpfs", "/var/lib/syncd:uid=10001,mode=0700"]
    outputs = ["-v", f"{uuid.uuid4().hex}:/srv/syncd/env"]
    words = ["once", "--source", "/etc/syncd/seed.yaml", "--target", "env"]
    said = engine.ok("run", "--rm", *LOCKED, *mounts, *outputs, IMAGE, *words)
    assert "env (env_file): applied: 1 created" in said


def test_the_slimmed_sdk_still_pushes(engine: Engine, folder: Path, run: Run) -> None:
    """What was taken out of the cloudflare SDK is not missed: a pair is written, listed, and in sync."""
    server = run("dev", "--port", "8500", "--kv-port", "8787", options=("--tmpfs", "/tmp"))
    wait_until(lambda: "8787" in engine.run("logs", server).out + engine.run("logs", server).err, 30)
    base = ["run", "--rm", *LOCKED, "-v", f"{folder}:/etc/syncd:ro", "--network", f"container:{server}"]
    base += ["--tmpfs", "/var/lib/syncd:uid=10001,mode=0700", "-e", "KV_URL=http://127.0.0.1:8787/client/v4", IMAGE]
    words = ["--source", "/etc/syncd/seed.yaml", "--target", "edge"]
    assert "edge (cloudflare_kv): applied: 1 created" in engine.ok(*base, "once", *words)
    assert "edge (cloudflare_kv): in sync" in engine.ok(*base, "plan", *words)


def test_it_reloads_by_the_docker_api(engine: Engine, folder: Path, run: Run) -> None:
    """With the engine's socket and its group it restarts another container after it wrote a file."""
    consumer = run("dev", "--port", "0", "--kv-port", "0", options=("--label", "role=consumer", "--tmpfs", "/tmp"))
    reload = "{docker: {label: role=consumer, restart: true}, timeout: 30s}"
    text = CONFIG.split("  edge:")[0].replace("targets:", f"reloads:\n  consumer: {reload}\ntargets:")
    (folder / "config.yaml").write_text(text.replace("kind: env_file", "kind: env_file, reload: consumer"))
    socket = engine.host.removeprefix("unix://")
    options = ["-v", f"{folder}:/etc/syncd:ro", "-v", f"{socket}:/var/run/docker.sock"]
    options += ["--group-add", str(Path(socket).stat().st_gid)]
    options += ["--tmpfs", "/var/lib/syncd:uid=10001,mode=0700", "--tmpfs", "/srv/syncd/env:uid=10001"]
    before = engine.inspect(consumer)["State"]["StartedAt"]
    said = engine.ok("run", "--rm", *LOCKED, *options, IMAGE, "once", "--source", "/etc/syncd/seed.yaml")
    assert "reload consumer: done" in said
    assert engine.inspect(consumer)["State"]["StartedAt"] != before


def test_it_stops_from_its_first_moment_on(engine: Engine, run: Run) -> None:
    """PID 1 that is stopped right after its start is not waited for: as it loads its libraries it ends with 0."""
    name = run("run", "--source", "/etc/syncd/seed.yaml", options=("--tmpfs", "/var/lib/syncd:uid=10001,mode=0700"))
    began = time.monotonic()
    engine.ok("stop", "-t", "10", name)
    assert time.monotonic() - began < 2
    assert engine.inspect(name)["State"]["ExitCode"] == 0


def test_healthy_then_stops_at_once(engine: Engine, run: Run, folder: Path) -> None:
    """The daemon becomes healthy by its own status, and as PID 1 ends with 0 within 2 s of `docker stop`."""
    text = CONFIG.split("  edge:")[0]
    (folder / "config.yaml").write_text(text)
    options = ("--tmpfs", "/var/lib/syncd:uid=10001,mode=0700", "--tmpfs", "/srv/syncd/env:uid=10001")
    name = run("run", "--source", "/etc/syncd/seed.yaml", options=options)
    wait_until(lambda: engine.inspect(name)["State"]["Health"]["Status"] == "healthy", 40)
    began = time.monotonic()
    engine.ok("stop", "-t", "10", name)
    took_s = time.monotonic() - began
    assert engine.inspect(name)["State"]["ExitCode"] == 0
    assert took_s < 2, f"{took_s:.2f} s"
