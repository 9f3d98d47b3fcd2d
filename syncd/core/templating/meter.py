"""How much one rendering may make. The time it may take is the engine's (a clock is needed for that).

A daemon cannot bound its own memory, so whatever may make much out of little is weighed before or after it runs: a
value, all values together, passes of loops, and the output.
"""

import datetime
from collections.abc import Iterator
from typing import Any

from jinja2 import Undefined
from markupsafe import Markup

from syncd.core.templating.errors import Refusal
from syncd.core.templating.values import Unknown

OUTPUT_MAX_BYTES = 32 * 1024 * 1024
"""What one rendering may write (contract.md §3)."""
VALUE_MAX_BYTES = OUTPUT_MAX_BYTES
TOTAL_MAX_BYTES = 16 * OUTPUT_MAX_BYTES
"""All values that one rendering makes, those thrown away included."""
PASSES_MAX = 1_000_000
NODES_MAX = 1_000_000
"""Elements of one nested list or map that a template builds: a few lines can build one that never ends."""
WIDTH_MAX = 1_000
BITS_MAX = 100_000

_SMALL_BYTES = 1_024
_POINTER_BYTES = 8
_SIZED: tuple[type, ...] = (list, tuple, dict, type({}.items()), type({}.keys()), type({}.values()))
_SCALARS = (int, float, type(None), Markup, datetime.date, datetime.time, Unknown)


class Meter:
    """Adds up what one rendering makes; every method refuses what passes a limit."""

    __slots__ = ("passes", "total")

    def __init__(self) -> None:
        self.total = 0
        self.passes = 0

    def make(self, size: int) -> None:
        """Count a value of `size` bytes before it is made."""
        if size > _SMALL_BYTES:
            if size > VALUE_MAX_BYTES:
                raise Refusal(f"makes a value of more than {VALUE_MAX_BYTES // 1024 // 1024} MiB")
            self.total += size
            if self.total > TOTAL_MAX_BYTES:
                raise Refusal(f"makes values of more than {TOTAL_MAX_BYTES // 1024 // 1024} MiB in all")

    def made(self, value: Any) -> Any:
        """Count a value that an operation has just made, and return it; what is lazy becomes a list."""
        if isinstance(value, str | bytes):
            self.make(len(value))
        elif isinstance(value, list | tuple | dict):
            self.make(_POINTER_BYTES * len(value))
        elif isinstance(value, Iterator):
            # Only `map`, `select` and the like give these: a list costs as much, and prints without an address.
            return list(self.loop(value))
        return value

    def step(self) -> None:
        """Count one pass of a loop or one call."""
        self.passes += 1
        if self.passes > PASSES_MAX:
            raise Refusal(f"takes more than {PASSES_MAX:,} passes of loops and calls")

    def loop(self, values: Any) -> Iterator[Any]:
        """Return the values one by one, counting each."""
        if type(values) in _SIZED:  # all at once
            self.passes += len(values)
            if self.passes > PASSES_MAX:
                self.step()
            return iter(values)
        return self._counted(values)

    def _counted(self, values: Any) -> Iterator[Any]:
        for value in values:
            self.passes += 1
            if self.passes > PASSES_MAX:
                self.step()
            yield value

    def weigh(self, value: Any, *, plain: bool = False) -> Any:
        """Return a list or map that is not too large with all that is in it; other values as they are.

        Args:
            plain: refuse what is no data, such as a function: its text is an address.
        """
        if isinstance(value, list | tuple | dict):
            self.make(weight(value, plain=plain))
        elif plain and not isinstance(value, (str, bytes, *_SCALARS)):
            _refuse(value, "only text, numbers, booleans, none, lists and maps can be written")
        return value


def weight(value: Any, *, plain: bool = False) -> int:
    """Return about how many bytes a nested value is as text; `plain` as in `Meter.weigh`."""
    left, nodes, size = [value], 1, 0
    while left:
        one = left.pop()
        children: Any = ()
        if isinstance(one, str | bytes):
            size += len(one)
        elif isinstance(one, dict):
            children = [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple):
            children = one
        elif plain and not isinstance(one, _SCALARS):
            _refuse(one, "a list or map holds something that cannot be written, such as a function")
        nodes += len(children)
        if nodes > NODES_MAX:
            raise Refusal(f"builds a list or map of more than {NODES_MAX:,} elements")
        left.extend(children)
    return size + _POINTER_BYTES * nodes


def _refuse(value: Any, words: str) -> None:
    if isinstance(value, Undefined):
        str(value)  # knows better what is wrong with it
    raise Refusal(words)
