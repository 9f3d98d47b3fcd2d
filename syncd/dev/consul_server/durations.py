"""Durations as Consul's API writes them: Go's format, such as `10s`, `1m30s`, `250ms`. Pure."""

import re

_UNIT_NS = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")


def parse_ns(text: str) -> int:
    """Return nanoseconds. Raises ValueError for what Go does not read either: no unit, no number."""
    if text == "0":
        return 0
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f'time: invalid duration "{text}"')
    return sum(round(float(number) * _UNIT_NS[unit]) for number, unit in parts)


def parse_s(text: str) -> float:
    """Return seconds."""
    return parse_ns(text) / 1e9
