"""`syncd run`: the daemon."""

import asyncio
import os

import typer

from syncd.cli import options, session


def run(
    context: typer.Context,
    source: options.SourceFile = None,
    config: options.Config = None,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
) -> int:
    """Watch the source and keep every target in line until SIGTERM or SIGINT."""
    given = session.start(context, config, log_format, log_level)
    loaded = session.load(given)
    from syncd.engine.daemon.daemon import run as run_daemon
    from syncd.engine.setup import build

    asyncio.run(run_daemon(build(loaded, os.environ), source, os.environ, lambda: session.load(given)))
    return 0
