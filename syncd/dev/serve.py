"""Starts and stops the two embedded servers, on loopback, in one process."""

import asyncio
import errno
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from aiohttp import web

from syncd.core.errors import SyncdError
from syncd.dev import consul_server, kv_server
from syncd.dev.consul_server.state import ConsulState
from syncd.dev.kv_server.store import KvNamespaces
from syncd.dev.seed import fill
from syncd.dev.storage import Storage

HOST = "127.0.0.1"
ACCOUNT = NAMESPACE = TOKEN = "syncd-dev"  # noqa: S105 - any token does; this one is in the lines to copy
_PATIENCE_S = 1.0  # for requests that are under way when the servers stop; those that wait are woken


class PortTaken(SyncdError):
    """Nobody can listen on the port: it is taken, or not ours to take."""

    exit_code: ClassVar[int] = 78


@dataclass(frozen=True, slots=True)
class DevServers:
    """The two running servers. `seeded` tells how many keys came from the seed: 0 where there were keys already.

    `state` is what the Consul-compatible server holds: the demo and the tests change it from within.
    """

    consul_url: str
    kv_url: str
    seeded: int
    state: ConsulState
    _runners: tuple[web.AppRunner, ...]

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables by which the shipped config.yaml finds the servers."""
        return {
            "CONSUL_HTTP_ADDR": self.consul_url,
            "CLOUDFLARE_API_TOKEN": TOKEN,
            "CF_ACCOUNT_ID": ACCOUNT,
            "CF_KV_NAMESPACE_ID": NAMESPACE,
            "CLOUDFLARE_BASE_URL": f"{self.kv_url}/client/v4",
        }

    async def stop(self) -> None:
        """Answer what waits, stop listening, and close the data files."""
        for runner in self._runners:
            await runner.cleanup()


async def start(port: int = 0, kv_port: int = 0, seed: Path | None = None, data: Path | None = None) -> DevServers:
    """Start both servers; port 0 takes a free one.

    Args:
        seed: an export or seed file to load where the Consul-compatible server holds no key yet.
        data: folder that keeps everything; None = all is forgotten at the end.

    Raises:
        PortTaken: a port cannot be had.
        StateError: the data folder cannot be used.
        ConfigError: the seed has faults.
    """
    runners: list[web.AppRunner] = []
    try:
        state = ConsulState(Storage(data / "consul.sqlite3" if data else None))
        runners.append(await _runner(consul_server.make_app(state)))
        store = KvNamespaces(Storage(data / "kv.sqlite3" if data else None))
        runners.append(await _runner(kv_server.make_app(store)))
        seeded = fill(state, seed) if seed and not len(state.kv) else 0
        consul_url = await _listen(runners[0], port, "--port")
        kv_url = await _listen(runners[1], kv_port, "--kv-port")
    except BaseException:
        for runner in runners:
            await runner.cleanup()
        raise
    return DevServers(consul_url, kv_url, seeded, state, tuple(runners))


async def serve(port: int, kv_port: int, seed: Path | None, data: Path | None, say: Callable[[str], None]) -> None:
    """Run both servers until SIGTERM or SIGINT; see `start`.

    Args:
        say: gets the lines of `introduction` when both servers answer; it must not hold them back in a buffer.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, stopped.set)
    try:
        servers = await start(port, kv_port, seed, data)
        try:
            for line in introduction(servers, seed, data):
                say(line)
            await stopped.wait()
        finally:
            await servers.stop()
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def introduction(servers: DevServers, seed: Path | None, data: Path | None) -> list[str]:
    """Return what the user is told at start: where the servers are, what they hold, what to export."""
    lines = [f"# Consul-compatible  {servers.consul_url}", f"# Workers KV API     {servers.kv_url}/client/v4"]
    if seed:
        loaded = f"{servers.seeded} keys of {seed}" if servers.seeded else f"not {seed}: there are keys already"
        lines.append(f"# loaded             {loaded}")
    lines.append(f"# data               {data or 'in memory; --data DIR keeps it'}")
    return [*lines, *(f"export {name}={value}" for name, value in servers.environment.items())]


async def _runner(app: web.Application) -> web.AppRunner:
    # A client that goes away ends its blocking query; without this each one would stay until its wait is over.
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=_PATIENCE_S)
    await runner.setup()
    return runner


async def _listen(runner: web.AppRunner, port: int, option: str) -> str:
    try:
        await web.TCPSite(runner, HOST, port).start()
    except OSError as fault:
        why = "is taken" if fault.errno == errno.EADDRINUSE else f"cannot be used ({fault.strerror})"
        advice = f"stop what listens there, or give another {option} (0 = any free one)"
        raise PortTaken(f"port {port} of {HOST} {why}; {advice}") from fault
    return f"http://{HOST}:{runner.addresses[0][1]}"
