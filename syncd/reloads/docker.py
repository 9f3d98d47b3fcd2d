"""Reload containers through the Docker API: a signal, a command inside, or a restart. Needs `syncd[docker]`."""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from syncd.core.errors import ReloadError
from syncd.reloads.base import TAIL_BYTES, tail

if TYPE_CHECKING:
    from aiodocker.containers import DockerContainer

_COMPOSE = "com.docker.compose."
_SHORT_ID = 12


def is_installed() -> bool:
    """Return True where aiodocker is there, which the extra `syncd[docker]` brings."""
    return find_spec("aiodocker") is not None


def service_labels(service: str, project: str | None) -> tuple[str, ...]:
    """Return the labels that Docker Compose gives the containers of a service."""
    return (f"{_COMPOSE}service={service}", *([f"{_COMPOSE}project={project}"] if project else []))


class Action(Protocol):
    """What is done to one container."""

    async def __call__(self, container: "DockerContainer") -> None:
        """Do it.

        Raises:
            ReloadError: the container did not take it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Signal:
    """Sends a signal to the container's first process."""

    number: signal.Signals

    async def __call__(self, container: "DockerContainer") -> None:
        """Send it once."""
        await container.kill(signal=self.number.name)


@dataclass(frozen=True, slots=True)
class Restart:
    """Restarts the container; it gets its own time to stop."""

    async def __call__(self, container: "DockerContainer") -> None:
        """Restart, and return when it runs again."""
        await container.restart()


@dataclass(frozen=True, slots=True)
class Exec:
    """Runs a command inside, without a shell; it must end with 0."""

    argv: tuple[str, ...]

    async def __call__(self, container: "DockerContainer") -> None:
        """Run it to its end.

        Raises:
            ReloadError: it did not end with 0, or cannot be run; with the last lines of its output.
        """
        execution = await container.exec(self.argv)
        output = b""
        async with execution.start(detach=False) as stream:
            while (part := await stream.read_out()) is not None:
                output = (output + part.data)[-TAIL_BYTES:]
        code = (await execution.inspect())["ExitCode"]
        if code != 0:
            raise ReloadError(f"'{self.argv[0]}' ended with {code}{tail(output)}")


@dataclass(frozen=True, slots=True)
class DockerReload:
    """Does `action` to every running container that has all of `labels`, one after the other."""

    what: str
    host: str
    labels: tuple[str, ...]
    action: Callable[["DockerContainer"], Awaitable[None]]
    timeout_s: float

    async def run(self) -> None:
        """Reload them all.

        Raises:
            ReloadError: no such container runs, one did not take it, Docker cannot be asked, or not in time.
        """
        # Here and not above: who reloads without Docker needs neither the package nor the time that it takes.
        import aiohttp
        from aiodocker import Docker, DockerError

        try:
            async with asyncio.timeout(self.timeout_s), Docker(url=self.host) as docker:
                found = await docker.containers.list(filters=json.dumps({"label": list(self.labels)}))
                by_name = {_name(one): one for one in found if not _is_one_off(one)}
                if not by_name:
                    raise ReloadError(f"{self.what} failed: no container with {self._labels()} runs; start it")
                for name in sorted(by_name):
                    await self._reload(name, by_name[name])
        except TimeoutError as error:
            raise ReloadError(
                f"{self.what} took longer than {self.timeout_s:g} s at Docker ({self.host}); what was begun may go on"
            ) from error
        except DockerError as error:
            raise ReloadError(f"{self.what} failed: Docker says: {error.message}{_advice(self.host, error)}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ReloadError(f"{self.what} failed: Docker ({self.host}) gave no answer") from error

    async def _reload(self, name: str, container: "DockerContainer") -> None:
        try:
            await self.action(container)
        except ReloadError as error:
            raise ReloadError(f"{self.what} failed in container {name}: {error}") from error

    def _labels(self) -> str:
        return " and ".join(self.labels)


def _name(container: "DockerContainer") -> str:
    shown: Mapping[str, list[str]] = container._container
    return next((name.lstrip("/") for name in shown.get("Names") or ()), container.id[:_SHORT_ID])


def _is_one_off(container: "DockerContainer") -> bool:
    """Return True for what `docker compose run` started: it is no instance of the service."""
    labels: Mapping[str, str] = container._container.get("Labels") or {}
    return labels.get(f"{_COMPOSE}oneoff", "").lower() == "true"


def _advice(host: str, error: Exception) -> str:
    if getattr(error, "status", 0) == 900:  # aiodocker's own, for no connection
        return f"; is {host} the engine's socket, and may syncd open it?"
    return ""
