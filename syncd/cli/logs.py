"""Sets up structlog: stderr, console or JSON."""

import io
import logging
import os
import sys
import traceback
from typing import TextIO, cast

import structlog
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from syncd.cli.options import LogFormatName, LogLevelName
from syncd.core.printable import printable


def configure(form: LogFormatName | None, level: LogLevelName | None) -> None:
    """Write logs to stderr; by default in console form on a terminal, as JSON elsewhere, from `info` on."""
    on_terminal = sys.stderr.isatty()
    form = form or (LogFormatName.console if on_terminal else LogFormatName.json)
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form is LogFormatName.json
        else structlog.dev.ConsoleRenderer(colors=on_terminal and not os.environ.get("NO_COLOR"))
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_values,
            *([_printable] if form is LogFormatName.console else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[(level or LogLevelName.info).upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(file=cast(TextIO, _Stderr())),
    )
    set_on_retry_hooks([_retrying])
    logging.basicConfig(handlers=[_Libraries(logging.WARNING)], force=True)


def _without_values(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Put class and places of an exception in its stead: its text and its local variables may hold secrets."""
    error = event.pop("exc_info", None)
    error = sys.exc_info()[1] if error is True else error
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        event["exception"] = type(error).__name__
        event["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def _printable(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Spell out control characters: what a check printed must not reach the terminal as orders."""
    return {name: printable(value) if isinstance(value, str) else value for name, value in event.items()}


class _Stderr(io.TextIOBase):
    """Whatever stderr is now: while a progress bar is shown, what stands above the bar."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


class _Libraries(logging.Handler):
    """Says that a library had something to say, and which error it was: its own words may quote values."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        structlog.get_logger().log(
            record.levelno, "library", logger=record.name, place=f"{record.pathname}:{record.lineno}", exc_info=error
        )


def internal_error(error: BaseException) -> str:
    """Log where an error of ours came from, and return one line about it; neither holds its text."""
    if not structlog.is_configured():
        configure(None, None)
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    structlog.get_logger().error("internal_error", exc_info=error)
    return f"internal error ({type(error).__name__}); the log line above says where, please report it"


_said: set[str] = set()


def _retrying(details: RetryDetails) -> None:
    """Say why something is tried again, each reason once: an outage is one line and not one for each try."""
    error = str(details.caused_by)
    if error not in _said:
        _said.add(error)
        structlog.get_logger().info("retrying", error=error)
