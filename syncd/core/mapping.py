"""From a key's bytes to the text of a variable: JSON pointers, formats, names. Pure; no error ever holds a value."""

import re
from dataclasses import dataclass
from typing import Literal

from syncd.core import globs, jsontext
from syncd.core.jsontext import Json, NotJson

Format = Literal["raw", "csv", "json"]

_INDEX = re.compile(r"0|[1-9][0-9]*")
_NOT_IN_NAMES = re.compile(r"[^A-Z0-9_]")


class BadValue(ValueError):
    """A value cannot be read as it is asked for; the message follows the key's name, such as `is not JSON`."""


@dataclass(frozen=True, slots=True)
class KeyRef:
    """A key, or the place in its JSON value that `pointer` (RFC 6901, "" where there is none) names."""

    key: str
    pointer: str = ""

    def __str__(self) -> str:
        return f"{self.key}#{self.pointer}" if self.pointer else self.key


def parse_ref(text: str) -> KeyRef:
    """Return the reference that `key` or `key#/pointer` stands for; whether the key is one is not looked at.

    Raises:
        ValueError: what follows the `#` is not a JSON pointer.
    """
    key, hash_sign, pointer = text.partition("#")
    if hash_sign and not pointer.startswith("/"):
        raise ValueError("has no JSON pointer after #; write key#/member, such as services/ai-gateway#/timeout")
    if re.search(r"~(?![01])", pointer):
        raise ValueError("has a lone ~ in its JSON pointer; write ~0 for ~ and ~1 for /")
    return KeyRef(key, pointer)


def text_of(value: bytes) -> str:
    """Return a key's value as text.

    Raises:
        BadValue: it is not UTF-8.
    """
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise BadValue("is not UTF-8") from None


def pick(ref: KeyRef, value: bytes, form: Format = "raw") -> str | None:
    """Return the text that `ref` names in the key's `value`, in the format asked for.

    Args:
        form: `raw`: the value itself; behind a pointer a string as it is, anything else as compact JSON. `json`:
            compact JSON. `csv`: the elements of a JSON array, joined by commas.

    Returns:
        The text, "" included; None where the pointer leads nowhere or to null: such a place counts as missing.

    Raises:
        BadValue: not UTF-8, not JSON where JSON is needed, or not an array that csv can hold.
    """
    text = text_of(value)
    if not ref.pointer and form == "raw":
        return text
    try:
        found = jsontext.parse(text)
        if ref.pointer:
            found = _follow(found, ref.pointer)
            if found is None:
                return None
        if form == "csv":
            return _encodable(_csv(found))
        if form == "raw" and isinstance(found, str):
            return _encodable(found)
        return _encodable(jsontext.compact(found))
    except NotJson as fault:
        need = f"pointer {ref.pointer}" if ref.pointer else f"format {form}"
        raise BadValue(f"{fault}, which {need} needs") from None


def include_name(pattern: str, prefix: str, key: str) -> str:
    """Return the variable that an include makes of a key: prefix + the part after the glob's last fixed `/`."""
    return prefix + _NOT_IN_NAMES.sub("_", key[len(globs.fixed_folder(pattern)) :].upper())


def _follow(document: Json, pointer: str) -> Json:
    """Return what the pointer names, None where it leads nowhere."""
    for token in pointer[1:].split("/"):
        if isinstance(document, dict):
            document = document.get(token.replace("~1", "/").replace("~0", "~"))
        elif isinstance(document, list) and _INDEX.fullmatch(token) and len(token) <= len(str(len(document))):
            document = document[int(token)] if int(token) < len(document) else None
        else:
            return None
    return document


def _csv(value: Json) -> str:
    if not isinstance(value, list):
        raise BadValue("is not a JSON array, which format csv needs")
    return ",".join(_csv_element(number, element) for number, element in enumerate(value))


def _csv_element(number: int, element: Json) -> str:
    if element is None or isinstance(element, dict | list):
        raise BadValue(f"has an element at index {number} that is not a string, number or boolean; use format json")
    text = element if isinstance(element, str) else jsontext.compact(element)
    if any(mark in text for mark in ",\r\n"):
        raise BadValue(f"has an element at index {number} that holds a comma or a line break; use format json")
    return text


def _encodable(text: str) -> str:
    r"""Return `text` where it can be written as UTF-8: JSON's `\ud800` alone cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadValue("is JSON with half of a surrogate pair (\\ud800 to \\udfff), which is not text") from None
    return text
