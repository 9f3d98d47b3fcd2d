"""The program: its commands, and how every error becomes one line and an exit code."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from syncd import __version__
from syncd.cli import (
    apply,
    check,
    demo,
    dev,
    explain,
    graph,
    history,
    logs,
    once,
    options,
    output,
    pause,
    plan,
    rollback,
    run,
    schema,
    status,
)
from syncd.cli.usage import usage_error
from syncd.core.errors import ConfigError, SyncdError, UsageError
from syncd.core.printable import printable

_INTERRUPTED = 130
# For --show-completion and --install-completion typer would look for a shell among the processes above us, where a
# container or a script has none: by this (it is typer's own for its tests) the shell is named instead.
os.environ["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"

app = typer.Typer(
    name="syncd",
    help="Keeps running systems true to their configuration: Consul to Workers KV, .env files, nginx and templates.",
    epilog="Exit codes: 0 done, 1 a target failed, 2 changes pending, 3 refused (unsafe, held or moved), 64 usage, "
    "69 Consul unreachable, 77 denied by Consul, 78 config fault.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"syncd {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _all_commands(
    context: typer.Context,
    config: options.Config = None,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    context.obj = options.Globals(config, log_format, log_level)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(UsageError.exit_code)


for _command in (
    run.run,
    plan.plan,
    once.once,
    apply.apply,
    check.check,
    status.status,
    explain.explain,
    graph.graph,
    history.history,
    history.show,
    rollback.rollback,
    pause.pause,
    pause.resume,
    schema.schema,
    dev.dev,
    demo.demo,
):
    app.command()(_command)


def main() -> int:
    """Run the program on `sys.argv` and return its exit code."""
    if sys.stdout is None:  # closed by whoever started us
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - for the whole run
    try:
        code = app(prog_name="syncd", standalone_mode=False)
        with output.to_stdout():
            sys.stdout.flush()
    except ConfigError as error:
        _say(str(error))
        return error.exit_code
    except SyncdError as error:
        _say(f"syncd: {error}")
        return error.exit_code
    except typer.Abort:
        return _INTERRUPTED
    except typer.TyperException as error:
        _say(f"syncd: {usage_error(error.format_message())} (see `syncd --help`)")
        return UsageError.exit_code
    except Exception as error:
        _say(f"syncd: {logs.internal_error(error)}")
        return SyncdError.exit_code
    return code if isinstance(code, int) else 0


def _say(text: str) -> None:
    """Write lines to stderr, with everything spelled out that would be an order to a terminal."""
    print("\n".join(printable(line) for line in text.split("\n")), file=sys.stderr)
