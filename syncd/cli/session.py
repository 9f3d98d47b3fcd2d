"""What every command that reads the config does around its own work."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from syncd.cli.options import Globals
from syncd.core.errors import ConfigError, Refused
from syncd.core.printable import printable

if TYPE_CHECKING:
    from syncd.config.load import Loaded
    from syncd.engine.deadline import Deadline
    from syncd.engine.setup import Setup
    from syncd.engine.statedir import StateDir
    from syncd.sources.base import Source

T = TypeVar("T")
Work = Callable[["Setup", "Source"], Awaitable[T]]


def start(context: typer.Context, *after: object) -> Globals:
    """Return the options of all commands and set up logging by them."""
    given: Globals = context.obj.or_after(*after)
    from syncd.cli.logs import configure

    configure(given.log_format, given.log_level)
    return given


def load(given: Globals, *, offline: bool = False) -> "Loaded":
    """Return the loaded config; its warnings go to stderr.

    Raises:
        ConfigError: with all its faults.
    """
    from syncd.config.load import load as load_config
    from syncd.targets.registry import configs

    loaded = load_config(given.config_path, configs(), os.environ, offline=offline)
    for warning in loaded.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return loaded


def state_of(loaded: "Loaded") -> "StateDir":
    """Return the state dir of a configuration; makes nothing."""
    from syncd.engine.statedir import StateDir

    return StateDir(loaded.base_dir / loaded.config.state_dir)


@dataclass(frozen=True, slots=True)
class Operated:
    """What a command needs that looks after a daemon; `loaded` is None where the config file cannot be loaded."""

    state: "StateDir"
    loaded: "Loaded | None"

    def knows(self, target: str) -> bool:
        """Return whether the config has a target of this name; where it cannot be loaded, whether it may have."""
        from syncd.config.models import check_name

        if self.loaded is not None:
            return target in self.loaded.config.targets
        try:
            check_name(target)
        except ValueError:
            return False
        return True

    def has(self) -> str:
        """Return the targets of the config in words, as an error names them."""
        return "cannot be loaded" if self.loaded is None else f"has {', '.join(self.loaded.config.targets)}"


def operated(given: Globals) -> Operated:
    """Return the state dir of a config file, which may have been broken since the daemon loaded it; makes nothing.

    Raises:
        ConfigError: it cannot be loaded, and there is no state dir where it says, or beside it.
    """
    from syncd.config.salvage import state_dir
    from syncd.engine.statedir import StateDir

    try:
        loaded = load(given, offline=True)
    except ConfigError as error:
        state = StateDir(state_dir(given.config_path, os.environ))
        if not state.path.is_dir():
            raise
        first, *rest = str(error).splitlines()
        more = f" (and {len(rest)} more: syncd check)" if rest else ""
        print(printable(f"warning: {first}{more}; going on with the state dir {state.path}"), file=sys.stderr)
        return Operated(state, None)
    return Operated(state_of(loaded), loaded)


def work(loaded: "Loaded", source_file: Path | None, deadline: "Deadline", do: Work[T]) -> T:
    """Open the source, do the work and close everything; SIGTERM, SIGINT and SIGHUP stop it in good order.

    Raises:
        SyncdError: as contract.md §1.
    """
    from syncd.engine.setup import build

    setup = build(loaded, os.environ)
    return asyncio.run(_work(setup, source_file, deadline, do))


async def _work(setup: "Setup", source_file: Path | None, deadline: "Deadline", do: Work[T]) -> T:
    from syncd.engine.sources import open_source

    source = open_source(setup, source_file, deadline)
    task = asyncio.ensure_future(_closing(setup, source, do))
    loop = asyncio.get_running_loop()
    stopped: list[str] = []

    def stop(number: signal.Signals) -> None:
        if not stopped:  # a second signal must not cut off what the first one lets finish
            deadline.stop()
            task.cancel()
        stopped.append(number.name)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError as error:
        if not stopped:
            raise
        raise Stopped(
            f"stopped by {stopped[0]}; every file is as it was or new and checked, a reload that was cut off is owed. "
            "Run again to finish"
        ) from error
    finally:
        await source.close()


class Stopped(Refused):
    """A signal ended the command before it was done."""

    exit_code = 1


async def _closing(setup: "Setup", source: "Source", do: Work[T]) -> T:
    try:
        return await do(setup, source)
    finally:
        await setup.close()
