"""Runs syncd with a fault of its own that quotes secrets, or without its redaction: `python -m … NAME ARGS…`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from syncd.cli.main import main
from syncd.core.templating import render
from syncd.engine import planning
from syncd.engine.redaction import Redaction
from syncd.targets import env_file


def internal_error() -> None:
    """Every env file fails in a way that nobody thought of, with all that was read in the error's text."""

    def desired(_self: object, view: Any, _masked: object) -> Any:
        raise RuntimeError(repr(view._snapshot if hasattr(view, "_snapshot") else vars(view)))

    env_file.EnvFileTarget.desired = desired  # type: ignore[method-assign]


def internal_error_everywhere() -> None:
    """The whole pass fails so: nothing below the command line catches it."""

    async def plan_pass(setup: Any, *_: object, **__: object) -> Any:
        raise RuntimeError(str(setup.credentials.values()))

    planning.plan_pass = plan_pass
    from syncd.engine import once

    once.plan_pass = plan_pass


def no_redaction() -> None:
    """What others say is passed on as it is."""
    Redaction.clean = lambda _self, text: text  # type: ignore[method-assign]


def quotes_values() -> None:
    """A template's own error is shown as it was made, whatever the template had read."""
    original = render.TemplateFile._fault

    def fault(self: render.TemplateFile, first: Any, _second: Any, shown: Any, **_: Any) -> str | None:
        return original(self, first, first, shown, tainted=False)

    render.TemplateFile._fault = fault  # type: ignore[method-assign]


NAMES: dict[str, Callable[[], None]] = {
    one.__name__: one for one in (internal_error, internal_error_everywhere, no_redaction, quotes_values)
}

if __name__ == "__main__":
    NAMES[sys.argv[1]]()
    sys.argv = ["syncd", *sys.argv[2:]]
    sys.exit(main())
