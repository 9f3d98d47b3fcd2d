"""Reload through the Docker API, as far as a small stand-in can show it; the real engine is in tests/e2e."""

import asyncio
import json
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from syncd.config.load import load
from syncd.core.errors import ConfigError, ReloadError
from syncd.engine.setup import build
from syncd.reloads import docker
from syncd.reloads.docker import DockerReload, Restart, Signal, service_labels
from syncd.targets.registry import configs


class Engine:
    """A stand-in that lists `containers` and notes what is posted; `fault` answers instead of it."""

    def __init__(self, path: Path) -> None:
        self.host = f"unix://{path}"
        self.containers: list[dict[str, object]] = []
        self.filters: dict[str, list[str]] = {}
        self.posted: list[str] = []
        self.fault: web.Response | None = None
        self.silent = False

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one request."""
        if self.silent:
            await asyncio.sleep(60)
        if request.path == "/version":
            return web.json_response({"ApiVersion": "1.45"})
        if self.fault is not None:
            return self.fault
        if request.path.endswith("/containers/json"):
            self.filters = json.loads(request.query["filters"])
            return web.json_response(self.containers)
        self.posted.append(request.path_qs.removeprefix("/v1.45/containers/"))
        return web.Response(status=204)


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    """A stand-in of this test's own with two containers of a service and what `docker compose run` left."""
    with tempfile.TemporaryDirectory(prefix="syncd-") as folder:  # short: a socket's path ends at 107 bytes
        one = Engine(Path(folder) / "socket")
        one.containers = [
            {"Id": "2" * 64, "Names": ["/blog-nginx-2"], "Labels": {}},
            {"Id": "1" * 64, "Names": ["/blog-nginx-1"], "Labels": None},
            {"Id": "3" * 64, "Names": ["/once"], "Labels": {"com.docker.compose.oneoff": "True"}},
        ]
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", one.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.UnixSite(runner, one.host.removeprefix("unix://")).start()
        yield one
        await runner.cleanup()


def reload(engine: Engine, action: docker.Action, timeout_s: float = 10.0) -> DockerReload:
    """Return a reload of the service."""
    return DockerReload("reload of nginx", engine.host, service_labels("nginx", "blog"), action, timeout_s)


async def test_each_instance_in_the_order_of_names(engine: Engine) -> None:
    """The engine filters by labels and gives what runs; a one-off is passed over."""
    await reload(engine, Signal(signal.SIGHUP)).run()
    assert engine.filters == {"label": ["com.docker.compose.service=nginx", "com.docker.compose.project=blog"]}
    assert engine.posted == [f"{'1' * 64}/kill?signal=SIGHUP", f"{'2' * 64}/kill?signal=SIGHUP"]
    await reload(engine, Restart()).run()
    assert engine.posted[2:] == [f"{'1' * 64}/restart", f"{'2' * 64}/restart"]


async def test_what_the_engine_says_is_passed_on(engine: Engine) -> None:
    """Its own words for an error; ours where it answers nothing in time."""
    body = b'{"message": "the engine is tired"}'
    engine.fault = web.Response(status=500, body=body, content_type="application/json")
    with pytest.raises(ReloadError, match="reload of nginx failed: Docker says: the engine is tired"):
        await reload(engine, Restart()).run()
    engine.fault, engine.silent = None, True
    with pytest.raises(ReloadError, match=r"took longer than 0\.3 s at Docker \(unix:///"):
        await reload(engine, Restart(), 0.3).run()


def test_without_the_package_the_config_is_at_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at the first reload, but when the config is loaded, with its place and what to install."""
    path = tmp_path / "config.yaml"
    path.write_text(
        "version: 1\nowner: me\ntargets: {}\nreloads:\n  n:\n    docker: {service: a, restart: true}\n",
    )
    loaded = load(path, configs(), {})
    build(loaded, {})
    monkeypatch.setattr(docker, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError) as raised:
        build(loaded, {})
    (fault,) = raised.value.faults
    assert str(fault) == f"{path}:6:5: reloads.n.docker: needs the package aiodocker; install syncd[docker]"
