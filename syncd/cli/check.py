"""`syncd check`: config and templates, every fault at once."""

import os
import sys
from collections.abc import Iterable
from typing import Annotated

import typer

from syncd.cli import options, session
from syncd.core.errors import ConfigError, Fault


def check(
    context: typer.Context,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask Consul; an unset ${VAR} is a warning only.")
    ] = False,
    timeout: options.Timeout = "60s",
    source: options.SourceFile = None,
    config: options.Config = None,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
) -> int:
    """Find every fault of config and templates at once; touch no target."""
    given = session.start(context, config, log_format, log_level)
    loaded = session.load(given, offline=offline)
    from syncd.engine.checking import faults_offline, faults_online, schedule_warnings, warnings
    from syncd.engine.deadline import Deadline
    from syncd.engine.setup import build

    _warn(warnings(loaded))
    setup = build(loaded, os.environ)
    faults = faults_offline(setup, loaded)
    if faults:
        raise ConfigError(faults)
    if offline:
        _warn(schedule_warnings(setup, loaded, {}))
        print("ok: config and templates have no fault (Consul was not asked)")
        return 0
    deadline = Deadline(options.seconds("--timeout", timeout))
    problems, unwise = session.work(
        loaded, source, deadline, lambda setup, opened: faults_online(setup, loaded, opened, deadline)
    )
    _warn(unwise)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print("ok: config and templates have no fault, and every target can be rendered")
    return 1 if problems else 0


def _warn(found: Iterable[Fault]) -> None:
    for warning in found:
        print(f"warning: {warning}", file=sys.stderr)
