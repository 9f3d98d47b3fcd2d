"""Ends a rendering that takes too long; how much it may make is limited in core.templating.

A template is Python code that runs in the main thread: no other thread or task could stop it. An interval timer can:
its signal handler runs between two bytecodes, and regular expressions look for signals too.
"""

import signal
import threading
from types import FrameType, TracebackType

from syncd.core.errors import TargetError
from syncd.core.templating import locate

RENDER_MAX_S = 5.0
"""What one rendering may take (contract.md §3)."""

_AGAIN_S = 0.05  # the signal comes again, in case something has swallowed what the first one raised


class TooSlow(TargetError):
    """A rendering was ended because its time was over."""


class _TooLong(BaseException):
    """Raised into the rendering; not an Exception, so that nothing below takes it for an error of its own."""


class time_limit:
    """A `with` block that may take `seconds`; past them it ends with an error that names the template's line.

    Only in the main thread, where signals arrive, and not nested. It takes SIGALRM for itself while the block runs.

    Raises:
        RuntimeError: on entry, outside of the main thread or within another `time_limit`.
        TooSlow: the block took longer.
    """

    _entered = False
    _armed = False

    def __init__(self, seconds: float = RENDER_MAX_S) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("templates can be rendered in the main thread only: no signal could stop them elsewhere")
        if time_limit._entered:
            raise RuntimeError("time_limit cannot be nested")
        time_limit._entered = True
        self._before = signal.signal(signal.SIGALRM, _interrupt)
        time_limit._armed = True
        signal.setitimer(signal.ITIMER_REAL, self._seconds, _AGAIN_S)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        time_limit._armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if self._before is None else self._before)
        time_limit._entered = False
        if isinstance(error, _TooLong):
            where = locate(trace)
            place = f"{where[0]}:{where[1]}: " if where else ""
            words = f"rendering takes more than {self._seconds:g} s; make the template simpler"
            raise TooSlow(place + words) from None


_BORDERS = (time_limit.__enter__.__code__, time_limit.__exit__.__code__)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise into the block, and only there: what was raised on its border would leave the timer running."""
    if time_limit._armed and (frame is None or frame.f_code not in _BORDERS):
        raise _TooLong
