"""`syncd dev`: the embedded servers."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from syncd.cli import options, session

_PORT, _KV_PORT = 8500, 8580


def dev(
    context: typer.Context,
    port: Annotated[
        int, typer.Option("--port", metavar="P", min=0, max=65535, help="Where Consul answers; 0 takes a free port.")
    ] = _PORT,
    kv_port: Annotated[
        int, typer.Option("--kv-port", metavar="P", min=0, max=65535, help="Where Workers KV answers; 0: a free one.")
    ] = _KV_PORT,
    seed: Annotated[
        Path | None,
        typer.Option("--seed", metavar="FILE", help="Load this seed YAML or export where there is no key yet."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Keep everything in this folder; default: in memory.")
    ] = None,
    config: options.Config = None,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
) -> int:
    """Run a Consul-compatible and a Workers-KV-compatible server on this machine until SIGTERM or SIGINT."""
    session.start(context, config, log_format, log_level)
    from syncd.dev.serve import serve

    asyncio.run(serve(port, kv_port, seed, data, partial(print, flush=True)))
    return 0
