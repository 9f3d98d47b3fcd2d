"""Why a target's plan is not carried out now though nothing is wrong with it, and until when."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from syncd.core.windows import opening_words, opens_at, parsed
from syncd.engine.reading import Target


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a target's changes wait, in words, and until when, in seconds since the epoch; None: until it is told.

    `paused`: somebody paused it.
    """

    why: str
    until: float | None = None
    paused: bool = False


Waits = Callable[[Target], Wait | None]
"""Says of a target why its changes wait; None where they do not."""


def no_wait(target: Target) -> Wait | None:
    """Let every change be carried out."""
    return None


def window(target: Target) -> Wait | None:
    """Return the wait for the next opening of a target's `only_between`, None where it may be changed now."""
    return window_at(target.config.only_between, time.time())


def window_at(only_between: tuple[str, ...], now: float) -> Wait | None:
    """Return the wait for the next of some windows, None where there are none, or one is open at `now`."""
    windows = parsed(only_between)
    at = opens_at(windows, datetime.fromtimestamp(now, UTC)) if windows else None
    if at is None:
        return None
    return Wait(f"changes wait for {opening_words(windows, at)} (only_between)", at.timestamp())
