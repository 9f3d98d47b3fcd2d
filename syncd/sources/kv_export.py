"""What `consul kv export` writes: a JSON list of keys with base64 values."""

import base64
import binascii
import json
from collections.abc import Iterator

from syncd.core.errors import ConfigError, Fault
from syncd.core.model import RawKey

_decoder = json.JSONDecoder()
_BLANK = " \t\r\n"


def parse_export(text: str, file: str) -> tuple[RawKey, ...]:
    """Return the keys of an export, absolute, in its order; ModifyIndex is 0.

    Raises:
        ConfigError: all entries that cannot be read, each with its place.
    """
    faults: list[Fault] = []
    keys: dict[str, RawKey] = {}
    for start, entry in _entries(text, file):
        try:
            one = _key(entry)
            if one.key in keys:
                raise ValueError(f"the key {one.key} comes twice")
            keys[one.key] = one
        except ValueError as error:
            faults.append(_fault(text, file, start, str(error)))
    if faults:
        raise ConfigError(faults)
    return tuple(keys.values())


def _entries(text: str, file: str) -> Iterator[tuple[int, object]]:
    """Yield every element of the outermost list with its offset."""
    at = _skip(text, 0)
    if text[at : at + 1] != "[":
        raise ConfigError([_fault(text, file, at, "is not a list; `consul kv export` writes one")])
    at = _skip(text, at + 1)
    mark = text[at : at + 1]
    while mark != "]":
        start = at
        try:
            entry, at = _decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            raise ConfigError([_fault(text, file, error.pos, f"is not JSON: {error.msg}")]) from error
        except (RecursionError, ValueError) as error:  # ValueError: an integer of thousands of digits
            raise ConfigError([_fault(text, file, start, "is nested too deep, or holds too long a number")]) from error
        yield start, entry
        at = _skip(text, at)
        mark = text[at : at + 1]
        if mark not in (",", "]"):
            raise ConfigError([_fault(text, file, at, "is not JSON: here a comma or the end of the list is missing")])
        at = _skip(text, at + 1) if mark == "," else at
    rest = _skip(text, at + 1)
    if rest < len(text):
        raise ConfigError([_fault(text, file, rest, "something follows the list")])


def _key(entry: object) -> RawKey:
    if not isinstance(entry, dict):
        raise ValueError("is not an object with key, flags and value")
    key, value = entry.get("key"), entry.get("value")
    if not isinstance(key, str) or not key:
        raise ValueError("has no key, or one that is not a text")
    if value is not None and not isinstance(value, str):
        raise ValueError(f"the value of {key} is not base64 text")
    try:
        key.encode()
        return RawKey(key, base64.b64decode(value or "", validate=True), 0)
    except UnicodeEncodeError:
        raise ValueError("has a key that is not UTF-8") from None
    except (binascii.Error, ValueError):
        raise ValueError(f"the value of {key} is not base64") from None


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _BLANK:
        at += 1
    return at


def _fault(text: str, file: str, at: int, message: str) -> Fault:
    line = text.count("\n", 0, at) + 1
    return Fault(file, line, at - text.rfind("\n", 0, at), "", message)
