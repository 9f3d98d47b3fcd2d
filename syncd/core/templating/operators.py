"""Operators, text formatting and methods that may make much out of little, each weighed before it runs."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from jinja2.sandbox import SandboxedEnvironment, SandboxedFormatter

from syncd.core.templating.errors import Refusal
from syncd.core.templating.meter import BITS_MAX, WIDTH_MAX, Meter, weight
from syncd.core.templating.values import UNKNOWN, Unknown

_SEQUENCE = (str, bytes, list, tuple)
_PRINTF = re.compile(r"%(?:\([^)]*\))?[-+ #0]*(\*|\d+)?(?:\.(\*|\d+))?[A-Za-z%]")
_DIGITS = re.compile(r"\d+")


def add(meter: Meter, left: Any, right: Any) -> Any:
    """Return `left + right`."""
    if isinstance(left, _SEQUENCE) and isinstance(right, _SEQUENCE):
        meter.make(_size(left) + _size(right))
        meter.weigh(right)  # the right side only: what grows line by line is on the left, and cannot double
    return left + right


def multiply(meter: Meter, left: Any, right: Any) -> Any:
    """Return `left * right`."""
    if isinstance(left, int) and isinstance(right, int):
        _bits(left.bit_length() + right.bit_length())
    for value, times in ((left, right), (right, left)):
        if isinstance(value, _SEQUENCE) and isinstance(times, int):
            meter.make((_size(value) if isinstance(value, str | bytes) else weight(value)) * max(times, 0))
    return left * right


def power(meter: Meter, left: Any, right: Any) -> Any:
    """Return `left ** right`."""
    if isinstance(left, int) and isinstance(right, int):
        _bits(left.bit_length() * max(right, 0))
    return left**right


def modulo(meter: Meter, left: Any, right: Any) -> Any:
    """Return `left % right`: a remainder, or printf-style formatting."""
    return printf(meter, left, right) if isinstance(left, str | bytes) else left % right


def printf(meter: Meter, form: Any, values: Any) -> Any:
    """Return `form % values` where `form` is text."""
    text = form.decode("latin-1") if isinstance(form, bytes) else form
    found = _PRINTF.findall(text)
    numbers = [number for spec in found for number in spec if number]
    if any(number == "*" or int(number[:9]) > WIDTH_MAX for number in numbers):
        raise Refusal(f"formats to a width of more than {WIDTH_MAX}")
    given = values.values() if isinstance(values, Mapping) else values if isinstance(values, tuple) else (values,)
    if any(isinstance(one, Unknown) for one in given):
        return UNKNOWN
    largest = max((_text_size(meter, one) for one in given), default=0)
    meter.make(len(text) + sum(int(number) for number in numbers) + len(found) * largest)
    return form % values


class LimitedFormatter(SandboxedFormatter):
    """`str.format` in the sandbox, with widths and result weighed."""

    def __init__(self, environment: SandboxedEnvironment, meter: Meter) -> None:
        super().__init__(environment)
        self._meter = meter

    def format_field(self, value: Any, format_spec: str) -> Any:
        """Return one formatted field."""
        if any(int(number[:9]) > WIDTH_MAX for number in _DIGITS.findall(format_spec)):
            raise Refusal(f"formats to a width of more than {WIDTH_MAX}")
        return self._meter.made(super().format_field(self._meter.weigh(value, plain=True), format_spec))

    def convert_field(self, value: Any, conversion: Any) -> Any:
        """Return a field after `!r`, `!s` or `!a`."""
        return self._meter.made(super().convert_field(self._meter.weigh(value, plain=True), conversion))


def _padded(meter: Meter, text: Any, width: Any = 0, *_: Any) -> None:
    if isinstance(width, int) and width > WIDTH_MAX:
        raise Refusal(f"fills up to a width of more than {WIDTH_MAX}")


def _replaced(meter: Meter, text: Any, old: Any, new: Any, *_: Any) -> None:
    meter.make(len(text) + text.count(old) * len(new))


def _joined(meter: Meter, text: Any, parts: Any) -> None:
    if not isinstance(parts, Collection):
        raise Refusal("join() takes a list")
    meter.make(sum(len(part) for part in parts if isinstance(part, str | bytes)) + len(text) * len(parts))


def _expanded(meter: Meter, text: Any, tabsize: Any = 8) -> None:
    tab = b"\t" if isinstance(text, bytes) else "\t"
    meter.make(len(text) + text.count(tab) * max(tabsize, 0))


def _refused(meter: Meter, text: Any, *_: Any) -> None:
    raise Refusal("calls a method of text that a template may not use")


METHODS: Mapping[str, Callable[..., None]] = {
    "center": _padded,
    "ljust": _padded,
    "rjust": _padded,
    "zfill": _padded,
    "replace": _replaced,
    "join": _joined,
    "expandtabs": _expanded,
    "translate": _refused,
    "maketrans": _refused,
    "to_bytes": _refused,
    "from_bytes": _refused,
}
"""Methods of text, bytes and numbers that are looked at before they run: called with (meter, object, arguments)."""


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str | bytes) else 8 * len(value)


def _text_size(meter: Meter, value: Any) -> int:
    meter.weigh(value, plain=True)
    return len(value) if isinstance(value, str | bytes) else len(str(value))


def _bits(bits: int) -> None:
    if bits > BITS_MAX:
        raise Refusal("makes a number that is too large")
