"""`syncd demo`: the whole stack on this machine, without anything installed."""

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from syncd.cli import options, session


def demo(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Do one pass, say what it did, and end.")] = False,
    config: options.Config = None,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
) -> int:
    """Run the shipped config on embedded servers, with an nginx of its own where one is installed."""
    given = session.start(context, config, log_format, log_level)
    from syncd.dev import demo as dev
    from syncd.dev import shipped

    if given.config_path == Path(options.DEFAULT_CONFIG) and shipped.lay_out(Path()):
        print(f"This folder was empty; laid out here: {', '.join(shipped.NAMES)}.", flush=True)
    work = dev.once if once else dev.run
    return asyncio.run(work(given.config_path, os.environ, partial(print, flush=True)))
