"""The protections against bad input, each as a function that takes it out; see `support.unprotected`.

As a plugin of pytest (`-p tests.faults.input.unprotected`) it takes out what the fuzz tests are about.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncd.config import compose
from syncd.core import jsontext
from syncd.core.report import as_markdown, lines
from syncd.core.templating import environment, render
from syncd.core.templating.environment import TemplateEnvironment
from syncd.core.templating.meter import Meter
from syncd.engine import journal_file, planfile, reading
from syncd.sources import kv_export
from syncd.targets import env_vars


class _Never(Exception):
    """What nothing raises, in the place of what is caught."""


def trusting_readers() -> None:
    """What is no JSON or YAML, or nested too deeply, is nobody's business."""
    for module in (compose, jsontext, planfile, kv_export):
        module.RecursionError = module.ValueError = _Never  # type: ignore[attr-defined]


def unread_journal() -> None:
    """The journal is not looked through: what is in it is so."""
    journal_file._damage = lambda _: None
    journal_file._DAMAGE = ()  # type: ignore[assignment]


def any_format() -> None:
    """A journal of any version is ours."""
    journal_file.SCHEMA_VERSION = 99


def prints_anything() -> None:
    """A value is shown as it is."""
    as_markdown.printable = lines.printable = lambda text: text


def writes_anything() -> None:
    """A variable's line is its name and its value, whatever they are."""
    env_vars.encode = lambda _dialect, name, value: f"{name}={value}"
    env_vars.name_fault = lambda *_: None


def last_one_wins() -> None:
    """Two keys that make the same variable: nobody notices."""
    original = env_vars.Reading.add_included

    def add_included(self: env_vars.Reading, name: str, item: Any) -> None:
        self._sources.pop(name, None)
        original(self, name, item)

    env_vars.Reading.add_included = add_included  # type: ignore[method-assign]


def no_sandbox() -> None:
    """A template may use what it can reach, and include any file."""
    TemplateEnvironment.is_safe_attribute = lambda *_: True  # type: ignore[method-assign]
    TemplateEnvironment.is_safe_callable = lambda *_: True  # type: ignore[method-assign]
    environment.beside = lambda _folder, name: name


def no_limits() -> None:
    """A rendering may take as long, and make as much, as it likes."""
    for name in ("make", "step"):
        setattr(Meter, name, lambda *_: None)
    Meter.loop = lambda _self, values: iter(values)  # type: ignore[method-assign]
    render.OUTPUT_MAX_BYTES = 10**12
    reading.AT_ONCE_S = reading.RENDER_MAX_S = reading._LATEST_S = 1e6


PROTECTIONS: dict[str, Callable[[], None]] = {
    one.__name__: one
    for one in (
        trusting_readers,
        unread_journal,
        any_format,
        prints_anything,
        writes_anything,
        last_one_wins,
        no_sandbox,
        no_limits,
    )
}


def pytest_configure() -> None:
    """Take out the readers' own care, for the tests that are run with this plugin."""
    trusting_readers()
