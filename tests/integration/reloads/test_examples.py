"""docs/reloads.md: every example of a reload is loaded as it stands there, and does what the page says."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from syncd.config.load import load
from syncd.core.errors import ReloadError
from syncd.engine.groups import ReloadGroup, build_group
from syncd.reloads.docker import DockerReload, Exec
from syncd.targets.registry import configs
from tests.integration.reloads.conftest import Consumer
from tests.support.nginx import NginxServer
from tests.support.processes import eventually, free_port
from tests.support.site import on_path

PAGE = (Path(__file__).resolve().parents[3] / "docs/reloads.md").read_text()
SECTIONS = {title: text for title, _, text in (part.partition("\n") for part in PAGE.split("\n## "))}
SERVER = "server {{ listen 127.0.0.1:{port}; location / {{ return 200; }} }}\n"


def example(folder: Path, title: str, at: int = 0, path: str = "", **places: str) -> ReloadGroup:
    """Return the reload of an example as a pass would run it; `places` are what stands for its addresses here."""
    text = re.findall(r"^```yaml\n(.*?)^```$", SECTIONS[title], re.DOTALL | re.MULTILINE)[at]
    for shown, here in places.items():
        assert shown in text
        text = text.replace(shown, here)
    for name in re.findall(r"template: (\S+)", text):
        (folder / name).touch()
    whole = {"version": 1, "owner": "me", "targets": {}} | yaml.safe_load(text)
    (folder / "config.yaml").write_text(yaml.safe_dump(whole))
    config = load(folder / "config.yaml", configs(), {}).config
    ((name, one),) = config.reloads.items()
    outputs = [target.path for target in config.targets.values()]  # type: ignore[attr-defined]
    return build_group(name, one, outputs, folder, {"PATH": path})


def count_of_examples() -> int:
    """Return how many examples the page has."""
    return len(re.findall(r"^```yaml\n", PAGE, re.MULTILINE))


@pytest.fixture
def nginx(tmp_path: Path, nginx_server: Callable[..., NginxServer]) -> tuple[NginxServer, str, int]:
    """A running nginx, a PATH on which `nginx` is the command line for it, and its port."""
    port = free_port()
    server = nginx_server(SERVER.format(port=port)).start()
    return server, on_path(tmp_path / "bin", nginx=f'exec {" ".join(server.test_argv[:-1])} "$@"'), port


async def reloaded(server: NginxServer, group: ReloadGroup) -> None:
    """Check and reload, and wait until nginx has done it."""
    before = server.workers()
    assert group.check is not None
    assert group.reload is not None
    await group.check.run()
    await group.reload.run()
    await eventually(lambda: server.workers() and not before & server.workers(), why="the workers are new ones")


async def test_a_command(tmp_path: Path, nginx: tuple[NginxServer, str, int]) -> None:
    """nginx reloads; what it refuses is its check's error."""
    server, path, _ = nginx
    group = example(tmp_path, "A command", path=path)
    await reloaded(server, group)
    server.write("bad.conf", "upstream nobody { }\n")
    assert group.check is not None
    with pytest.raises(ReloadError, match="check of nginx failed \\(exit code 1\\): nginx: \\[emerg\\] no servers"):
        await group.check.run()


async def test_a_signal(tmp_path: Path, nginx: tuple[NginxServer, str, int]) -> None:
    """nginx reloads by HUP."""
    server, path, _ = nginx
    await reloaded(server, example(tmp_path, "A signal", path=path, **{"/run/nginx.pid": str(server.pid_file)}))


async def test_http(tmp_path: Path, consumer: Consumer) -> None:
    """The request is the one of the example."""
    secret = tmp_path / "authorization"
    secret.write_text("Bearer abc\n")
    places = {"http://127.0.0.1:9090": consumer.url, "/run/secrets/prometheus_authorization": str(secret)}
    group = example(tmp_path, "HTTP", **places)
    assert group.reload is not None
    await group.reload.run()
    ((method, path, headers),) = consumer.seen
    assert (method, path, headers["x-reason"]) == ("POST", "/-/reload", "syncd")
    assert headers["authorization"] == "Bearer abc"


def test_docker(tmp_path: Path) -> None:
    """What it does is shown with a real engine in tests/e2e; here, that the example means that."""
    group = example(tmp_path, "Docker")
    assert isinstance(group.reload, DockerReload)
    assert group.reload.host == "unix:///var/run/docker.sock"
    assert group.reload.labels == ("com.docker.compose.service=nginx", "com.docker.compose.project=blog")
    assert group.reload.action == Exec(("nginx", "-s", "reload"))


def test_a_consumer_that_checks_by_itself(tmp_path: Path) -> None:
    """What it does is shown in test_result_file; here, that the example is complete."""
    group = example(tmp_path, "A consumer that checks by itself")
    assert group.check is not None
    assert (group.reload, group.owes) == (None, False)


async def test_a_probe_by_http(tmp_path: Path, nginx: tuple[NginxServer, str, int]) -> None:
    """nginx answers."""
    _, path, port = nginx
    group = example(tmp_path, "A probe", path=path, **{"127.0.0.1:8080": f"127.0.0.1:{port}"})
    assert group.probe is not None
    await group.probe.run()


async def test_a_probe_by_tcp(tmp_path: Path, nginx: tuple[NginxServer, str, int]) -> None:
    """nginx takes connections."""
    _, _, port = nginx
    group = example(tmp_path, "A probe", 1, **{"127.0.0.1:6380": f"127.0.0.1:{port}"})
    assert group.probe is not None
    await group.probe.run()


def test_jitter(tmp_path: Path) -> None:
    """What it does is shown in test_jitter."""
    assert example(tmp_path, "Jitter").jitter_s == 30.0


def test_every_example_has_its_test() -> None:
    """Who adds one to the page adds one here."""
    assert count_of_examples() == 8


def test_the_page_names_every_way() -> None:
    """Each way has a section; signals are real ones."""
    assert {"A command", "A signal", "HTTP", "Docker"} <= set(SECTIONS)
    names: list[Any] = re.findall(r"signal: (?:\{.*signal: )?([A-Z]+[0-9]?)", PAGE)
    assert names
    assert all(hasattr(signal, f"SIG{name}") for name in names)
