"""The options that several commands share."""

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from syncd.cli import completion
from syncd.core.errors import UsageError
from syncd.core.fields import parse_duration

DEFAULT_CONFIG = "config.yaml"


class LogFormatName(StrEnum):
    """How logs are written to stderr."""

    console = "console"
    json = "json"


class LogLevelName(StrEnum):
    """From which level on logs are written."""

    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


class OutputFormat(StrEnum):
    """How a result is written to stdout."""

    text = "text"
    json = "json"
    markdown = "markdown"


class StatusFormat(StrEnum):
    """How the daemon's status is written to stdout."""

    text = "text"
    json = "json"


Config = Annotated[
    Path | None,
    typer.Option(
        "-c",
        "--config",
        readable=False,
        metavar="PATH",
        help=f"The config file; default {DEFAULT_CONFIG}, environment SYNCD_CONFIG.",
    ),
]
LogFormat = Annotated[
    LogFormatName | None, typer.Option("--log-format", help="Logs: console (default on a terminal) or json.")
]
LogLevel = Annotated[LogLevelName | None, typer.Option("--log-level", help="Logs from this level on; default info.")]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        metavar="NAME",
        autocompletion=completion.target_names,
        help="Only this target; may be given several times.",
    ),
]
Format = Annotated[OutputFormat, typer.Option("--format", help="How the result is written.")]
SourceFile = Annotated[
    Path | None,
    typer.Option(
        "--source",
        readable=False,
        metavar="FILE",
        help="Read this `consul kv export` file (or seed YAML) instead of Consul.",
    ),
]
Timeout = Annotated[
    str, typer.Option("--timeout", metavar="DURATION", help="Nothing new starts after this time; default 60s.")
]
MarkdownFile = Annotated[
    Path | None,
    typer.Option("--markdown", metavar="FILE", help="Write the result as Markdown into this file too."),
]
HideValues = Annotated[bool, typer.Option("--hide-values", help="Show no values, only what changes.")]
Force = Annotated[
    bool,
    typer.Option("--force", help="Carry out unsafe plans too, and outside of only_between. Held targets stay held."),
]


@dataclass(frozen=True, slots=True)
class Globals:
    """The options of all commands as they were given before the command; those after it win."""

    config: Path | None
    log_format: LogFormatName | None
    log_level: LogLevelName | None

    def or_after(
        self, config: Path | None, log_format: LogFormatName | None, log_level: LogLevelName | None
    ) -> "Globals":
        """Return these options with those given after the command put over them."""
        return Globals(config or self.config, log_format or self.log_format, log_level or self.log_level)

    @property
    def config_path(self) -> Path:
        """The config file to use."""
        return self.config or Path(os.environ.get("SYNCD_CONFIG") or DEFAULT_CONFIG)

    @property
    def names_config(self) -> bool:
        """Whether somebody named the config file, as an option or in the environment."""
        return self.config is not None or bool(os.environ.get("SYNCD_CONFIG"))


def seconds(option: str, text: str) -> float:
    """Return the seconds of a duration given on the command line.

    Raises:
        UsageError: it is none.
    """
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}") from error


def entry_id(option: str, text: str) -> int:
    """Return the number of an entry of the history that was given on the command line.

    Raises:
        UsageError: it is none.
    """
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"{option} {text}: is no number of an entry; `syncd history` lists them")
    return int(text)
