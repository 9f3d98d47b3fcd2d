"""Reload through the Docker API, with a real engine and real containers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.docker import Engine, container_name, docker_engine
from tests.support.processes import wait_until
from tests.support.site import Site

__all__ = ["docker_engine"]

pytestmark = pytest.mark.e2e

IMAGE = "syncd-test:1"
SERVE = """\
#!/bin/sh
echo started
trap 'echo hup' HUP
trap 'exit 0' TERM
while :; do sleep 0.1; done
"""
NGINX = """\
#!/bin/sh
echo "nginx $*" >/proc/1/fd/1
if test -e /broken; then
    echo "nginx: [emerg] broken" >&2
    echo "told on stdout"
    exit 3
fi
"""


class Containers:
    """Containers of this test's own, all of one Compose project."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.project = container_name()

    def run(self, service: str, **labels: str) -> str:
        """Start one and return its name."""
        name = container_name()
        given = {"com.docker.compose.service": service, "com.docker.compose.project": self.project, **labels}
        options = [word for label, value in given.items() for word in ("--label", f"{label}={value}")]
        self.engine.ok("run", "-d", "--name", name, "--network", "none", *options, IMAGE, "/bin/serve")
        wait_until(lambda: "started" in self.said(name), why="the container runs")
        return name

    def said(self, name: str) -> list[str]:
        """Return what a container said."""
        return self.engine.ok("logs", name).split("\n")

    def site(self, folder: Path, **docker: Any) -> Site:
        """Return a site that reloads the project's service `nginx` in some way."""
        way = {"host": self.engine.host, "service": "nginx", "project": self.project, **docker}
        return Site(folder, "nginx", {"docker": way}, {"out/a": "a\n"})


@pytest.fixture
def containers(docker_engine: Engine) -> Containers:
    """Containers of this test's own."""
    docker_engine.import_image(IMAGE, {"bin/serve": SERVE, "bin/nginx": NGINX})
    return Containers(docker_engine)


def failure(site: Site) -> str:
    """Run a pass that fails, and return why."""
    code, report = site.once()
    assert code == 1
    return str(report["reloads"][0]["error"])


def test_a_command_inside_every_container_of_the_service(containers: Containers, tmp_path: Path) -> None:
    """Both instances; neither another service, nor a one-off, nor another project's; a failure is quoted and owed."""
    mine = [containers.run("nginx"), containers.run("nginx", **{"com.docker.compose.oneoff": "False"})]
    others = [containers.run("web"), containers.run("nginx", **{"com.docker.compose.oneoff": "True"})]
    others.append(containers.run("nginx", **{"com.docker.compose.project": "another"}))
    site = containers.site(tmp_path, exec=["nginx", "-s", "reload"])
    code, report = site.once()
    assert (code, report["reloads"][0]["state"]) == (0, "done")
    for name in mine:
        assert containers.said(name).count("nginx -s reload") == 1
    for name in others:
        assert "nginx -s reload" not in containers.said(name)
    first, second = sorted(mine)
    containers.engine.ok("exec", first, "sh", "-c", "echo > /broken")
    site.outputs["out/a"] = "b\n"
    error = failure(site)
    assert error.startswith(f"reload of nginx failed in container {first}: 'nginx' ended with 3: ")
    assert "nginx: [emerg] broken" in error
    assert "told on stdout" in error
    assert containers.said(second).count("nginx -s reload") == 1
    containers.engine.ok("exec", first, "rm", "/broken")
    assert site.once()[0] == 0
    assert containers.said(second).count("nginx -s reload") == 2


def test_a_signal(containers: Containers, tmp_path: Path) -> None:
    """The first process gets it and goes on; found by a label of one's own."""
    name = containers.run("any", role=containers.project)
    site = Site(
        tmp_path,
        "nginx",
        {"docker": {"host": containers.engine.host, "label": f"role={containers.project}", "signal": "HUP"}},
        {"out/a": "a\n"},
    )
    assert site.once()[0] == 0
    wait_until(lambda: "hup" in containers.said(name), why="the signal arrives")
    assert containers.said(name).count("started") == 1


def test_a_restart(containers: Containers, tmp_path: Path) -> None:
    """It has begun anew when the pass ends."""
    name = containers.run("nginx")
    assert containers.site(tmp_path, restart=True).once()[0] == 0
    wait_until(lambda: containers.said(name).count("started") == 2, why="it began anew")


def test_what_docker_refuses_is_said(containers: Containers, tmp_path: Path) -> None:
    """Nobody runs; no such program inside; a command that does not end; no engine at the socket."""
    site = containers.site(tmp_path, exec=["no-such-program"])
    labels = f"com.docker.compose.service=nginx and com.docker.compose.project={containers.project}"
    assert failure(site) == f"reload of nginx failed: no container with {labels} runs; start it"
    name = containers.run("nginx")
    assert "no-such-program" in failure(site)
    site.reload["docker"]["exec"] = ["sleep", "60"]
    site.reload["timeout"] = "1s"
    assert failure(site).startswith("reload of nginx took longer than 1 s at Docker (unix:///")
    containers.engine.ok("kill", name)
    assert "runs; start it" in failure(site)
    site.reload["docker"]["host"] = f"unix://{tmp_path}/nobody.sock"
    assert f"is unix://{tmp_path}/nobody.sock the engine's socket, and may syncd open it?" in failure(site)
