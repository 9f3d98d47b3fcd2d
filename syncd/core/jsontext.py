"""JSON that keeps the digits of its numbers: `1.50` stays `1.50`, a 40-digit integer stays exact. Pure."""

import json
from typing import NoReturn


class Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


Json = dict[str, "Json"] | list["Json"] | str | Number | bool | None


class NotJson(ValueError):
    """A text is not JSON, or nested too deeply to be read; never quotes the text."""


def parse(text: str) -> Json:
    """Return the JSON document in `text`; where a name occurs twice in an object, the last one wins.

    Raises:
        NotJson: it is none; NaN and Infinity are not JSON either.
    """
    try:
        return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_refuse)  # type: ignore[no-any-return]
    except ValueError:
        raise NotJson("is not JSON") from None
    except RecursionError:
        raise NotJson("is JSON nested too deeply") from None


def compact(value: Json) -> str:
    """Return `value` as JSON without spaces, members in the order written, non-ASCII characters as they are.

    Raises:
        NotJson: it is nested too deeply.
    """
    try:
        return _compact(value)
    except RecursionError:
        raise NotJson("is JSON nested too deeply") from None


def _compact(value: Json) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_compact(name)}:{_compact(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_compact, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
