"""The demo: both embedded servers, seeded, an nginx of its own where there is one, and syncd between them."""

import asyncio
import os
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from syncd.config.load import Loaded
from syncd.core.errors import Refused
from syncd.dev import demo_text, serve
from syncd.dev.demo_config import ENVIRONMENT, load_for_demo, seed_beside
from syncd.dev.demo_nginx import OwnNginx, find
from syncd.engine import once as engine
from syncd.engine.applying import Conditions
from syncd.engine.daemon.daemon import run as run_daemon
from syncd.engine.deadline import Deadline
from syncd.engine.reading import is_file
from syncd.engine.setup import Setup, build
from syncd.engine.sources import open_source

INCLUDE = "out/nginx/*.conf"  # what templates/nginx/check.sh includes
_WITHIN_S = 60.0
_PAUSE_S = 0.05
_STOPPED = 1
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Demo:
    """Everything that the demo started, and syncd set up on it."""

    setup: Setup
    reread: Callable[[], Loaded]
    servers: serve.DevServers
    nginx: OwnNginx | None
    status_url: str

    @property
    def files(self) -> dict[str, str]:
        """The path of every file target, by its name."""
        return {name: target.config.path for name, target in self.setup.targets.items() if is_file(target)}


async def once(config: Path, env: Mapping[str, str], say: Say) -> int:
    """Do one pass, start nginx on what it wrote, say what came of it, end all; return the exit code.

    Raises:
        SyncdError: as `started`; or nginx did not start.
    """
    async with _ending_at_signals(), started(config, env) as demo:
        deadline = Deadline(_WITHIN_S)
        source = open_source(demo.setup, None, deadline)
        try:
            result = await engine.once(demo.setup, source, selected=(), conditions=Conditions(deadline), env=env)
        finally:
            await source.close()
        health = None
        if demo.nginx is not None and result.exit_code == 0:
            await demo.nginx.start()
            health = await _ask(f"{demo.nginx.url}/health")
        for line in demo_text.after_once(demo.servers, demo.files, result, health):
            say(line)
        return result.exit_code
    return _STOPPED


async def run(config: Path, env: Mapping[str, str], say: Say) -> int:
    """Run the daemon until Ctrl-C, SIGTERM or the end of the terminal; say what is where when all is in place.

    Raises:
        SyncdError: as `started` and the daemon; or nginx did not start.
    """
    async with _ending_at_signals():
        async with started(config, env) as demo:
            await _while_running(run_daemon(demo.setup, None, env, demo.reread), _introduce(demo, say))
        for line in demo_text.after_run():
            say(line)
    return 0


@asynccontextmanager
async def _ending_at_signals() -> AsyncIterator[None]:
    """End the block at Ctrl-C, SIGTERM or the end of the terminal, in good order; the daemon has a way of its own."""
    main, stopped = asyncio.current_task(), list[bool]()

    def stop() -> None:
        stopped.append(True)
        if main is not None:
            main.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        yield
    except asyncio.CancelledError:
        if not stopped:
            raise


@asynccontextmanager
async def started(config: Path, env: Mapping[str, str]) -> AsyncIterator[Demo]:
    """Start the embedded servers and set syncd up on them; all of it ends with the block.

    Raises:
        ConfigError: files are missing or faulty, or the config leads elsewhere.
        Refused: a file that the demo would write is somebody else's.
    """
    seed = seed_beside(config)
    async with AsyncExitStack() as stack:
        servers = await serve.start(seed=seed)
        stack.push_async_callback(servers.stop)
        status_port, nginx_port = _keep_port(stack), _keep_port(stack)
        program = find(env)
        nginx = None
        if program is not None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="syncd-demo-")))
            nginx = OwnNginx(program, folder, str(config.absolute().parent / INCLUDE), nginx_port)
            stack.push_async_callback(nginx.stop)
        environment = {
            **env,
            **servers.environment,
            "SYNCD_ENVIRONMENT": ENVIRONMENT,
            "NGINX": "true" if nginx is None else nginx.command,
        }
        reread = partial(load_for_demo, config, environment, status_port=status_port, nginx_port=nginx_port)
        setup = build(reread(), environment)
        stack.push_async_callback(setup.close)
        await _refuse_conflicts(setup, environment)
        yield Demo(setup, reread, servers, nginx, f"http://{serve.HOST}:{status_port}")


def _keep_port(stack: AsyncExitStack) -> int:
    """Return a free port that stays so: only who listens on it by SO_REUSEADDR, as servers do, gets it meanwhile."""
    keeper = stack.enter_context(socket.socket())
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind((serve.HOST, 0))
    return int(keeper.getsockname()[1])


async def _refuse_conflicts(setup: Setup, env: Mapping[str, str]) -> None:
    deadline = Deadline(_WITHIN_S)
    source = open_source(setup, None, deadline)
    try:
        planned, _ = await engine.plan(setup, source, selected=(), deadline=deadline, env=env)
    finally:
        await source.close()
    taken = [conflict.key for one in planned.targets for conflict in one.plan.conflicts]
    if taken:
        raise Refused(
            f"{', '.join(taken)}: there already, and not the demo's; move them away (mv out out.mine) and run it again"
        )


async def _while_running(daemon: Coroutine[Any, Any, None], introduction: Coroutine[Any, Any, None]) -> None:
    """Run both until the daemon ends; where the introduction fails, the daemon is ended too."""
    tasks = running, introducing = asyncio.create_task(daemon), asyncio.create_task(introduction)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if introducing.done():
            introducing.result()
        await running
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _introduce(demo: Demo, say: Say) -> None:
    """Wait until every target is in sync, start nginx on what was written, and say what is where."""
    status = await _status_when(demo.status_url, lambda _: True)
    # To the daemon SIGHUP means reconcile; here it means that the terminal was closed.
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, os.kill, os.getpid(), signal.SIGTERM)
    status = await _status_when(demo.status_url, lambda now: now["ready"] or all(map(_tried, now["targets"])))
    if not status["ready"]:
        for line in demo_text.waiting(status):
            say(line)
        status = await _status_when(demo.status_url, lambda now: bool(now["ready"]))
    if demo.nginx is not None:
        await demo.nginx.start()
    nginx_url = demo.nginx.url if demo.nginx is not None else None
    for line in demo_text.introduction(demo.servers, demo.files, status, demo.status_url, nginx_url):
        say(line)


def _tried(target: Mapping[str, Any]) -> bool:
    return target["last_checked_at"] is not None or target["last_error"] is not None


async def _status_when(url: str, enough: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return the daemon's status as soon as it answers and says enough."""
    while True:
        found = await _status(url)
        if found and enough(found):
            return found
        await asyncio.sleep(_PAUSE_S)


async def _status(url: str) -> dict[str, Any]:
    """Return the daemon's status; empty as long as nobody answers."""
    try:
        async with aiohttp.request("GET", f"{url}/api/v1/status") as answer:
            found: dict[str, Any] = await answer.json()
            return found
    except aiohttp.ClientError:
        return {}


async def _ask(url: str) -> str:
    async with aiohttp.request("GET", url) as answer:
        return f"{answer.status} {(await answer.text()).strip()}"
