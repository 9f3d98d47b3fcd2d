"""`syncd check`: config and templates, every fault at once."""

import os
from typing import Annotated

import typer

from syncd.cli import options, session


def check(
    context: typer.Context,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask Consul; an unset ${VAR} is a warning only.")
    ] = False,
    source: options.SourceFile = None,
    config: options.Config = None,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
) -> int:
    """Find every fault of config and templates at once; touch no target."""
    given = session.start(context, config, log_format, log_level)
    loaded = session.load(given, offline=offline)
    from syncd.engine.checking import check_setup
    from syncd.engine.setup import build

    return check_setup(build(loaded, os.environ), loaded, offline=offline, source_file=source)
