"""What a validation error is called in a fault: our own words for pydantic's types. Pure."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

_NOUNS = {
    "text": ("string_type",),
    "a whole number": ("int_type", "int_parsing", "int_from_float", "int_parsing_size"),
    "a number": ("float_type", "float_parsing", "finite_number"),
    "true or false": ("bool_type", "bool_parsing"),
    "a mapping": ("dict_type", "mapping_type", "model_type", "model_attributes_type"),
    "a list": ("list_type", "tuple_type", "set_type", "frozen_set_type"),
    "null": ("none_required",),
}
_HINTS = {
    "text": "write text",
    "a whole number": "write one such as 5",
    "a number": "write one such as 5",
    "true or false": "write one of the two",
    "a mapping": "write KEY: VALUE lines below it",
    "a list": "write one such as [a, b]",
    "null": "leave it out",
}
_NOUN_OF = {kind: noun for noun, kinds in _NOUNS.items() for kind in kinds}

Error = Mapping[str, Any]
"""One of pydantic's error details."""


def is_other_shape(error: Error) -> bool:
    """Return True where a value is of another type altogether: another branch of a union was meant."""
    return error["type"] in _NOUN_OF


def join(options: Iterable[str]) -> str:
    """Return `a, b or c`."""
    *most, last = dict.fromkeys(options)
    return f"{', '.join(most)} or {last}" if most else last


def suggest(name: str, options: Iterable[str], noun: str) -> str:
    """Return what to do about an unknown name: the one that is near, else all that exist."""
    known = sorted(options)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"{noun}: {', '.join(known)}" if known else "there are none"


def own_words(error: Error) -> bool:
    """Return True where a validator of ours chose the words."""
    return error["type"] in ("value_error", "assertion_error")


def describe(errors: list[Error]) -> str:
    """Return what is wrong with a value and what to do, to be put behind the value.

    Args:
        errors: one, or one per type that the value could have had.
    """
    if len(errors) > 1:
        nouns = join(_NOUN_OF[error["type"]] for error in errors)
        return f"is not {nouns}; write {nouns}"
    error = errors[0]
    kind, context = error["type"], error.get("ctx", {})
    if own_words(error):
        return str(context["error"])
    if kind in _NOUN_OF:
        return f"is not {_NOUN_OF[kind]}; {_HINTS[_NOUN_OF[kind]]}"
    if kind == "literal_error":
        expected = context["expected"]
        return f"is none of {expected}; write one of them" if " or " in expected else f"is not {expected}; write that"
    if kind in _TEMPLATES:
        return _TEMPLATES[kind].format(**context)
    message = str(error["msg"])
    return f"{message[:1].lower()}{message[1:]}; see docs/configuration.md"


_TEMPLATES = {
    "missing": "is missing; add it",
    "secret": "{words}",
    "greater_than_equal": "is below {ge:g}; write {ge:g} or more",
    "greater_than": "is not above {gt:g}; write more than {gt:g}",
    "less_than_equal": "is above {le:g}; write {le:g} or less",
    "less_than": "is not below {lt:g}; write less than {lt:g}",
    "string_too_short": "is shorter than {min_length}; write more",
    "string_too_long": "is longer than {max_length}; write less",
    "string_pattern_mismatch": "does not match {pattern}; write text that does",
    "too_short": "is shorter than {min_length}; write more",
    "too_long": "is longer than {max_length}; write less",
}
