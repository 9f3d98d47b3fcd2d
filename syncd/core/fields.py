"""Field types of the configuration that more than one package reads: durations, modes, keys, limits. Pure.

A validator's words continue the value: `is not a duration; write 5m` is printed as `'5' is not a duration; write 5m`.
"""

import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

DURATION_PATTERN = r"^(\d+(\.\d+)?(ms|s|m|h))+$"
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Strict(BaseModel):
    """A part of the configuration: frozen, unknown keys are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def parse_duration(value: object) -> float:
    """Return the seconds that a duration such as `50ms`, `10s`, `5m` or `1h30m` stands for.

    Raises:
        ValueError: not a string, or no unit.
    """
    if isinstance(value, str):
        parts = _DURATION.findall(value)
        if parts and "".join(number + unit for number, unit in parts) == value:
            return sum(float(number) * _UNIT_S[unit] for number, unit in parts)
    raise ValueError("is not a duration; write a number with a unit, such as 50ms, 10s, 5m or 2h")


def _parse_mode(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"0?[0-7]{3}", value):
        return int(value, 8)
    if isinstance(value, int):
        raise ValueError('is a number to YAML; put it in quotes, such as "0600"')
    raise ValueError('is not a file mode; write it as a quoted string, such as "0600"')


def _parse_key(value: str) -> str:
    if not value:
        raise ValueError("is not a key; write one relative to consul.prefix, such as config/env")
    if value.startswith("/") or any(part in ("", ".", "..") for part in value.split("/")):
        raise ValueError("is not a key; leave out a leading or trailing /, //, and the segments . and ..")
    return value


def parse_exact_key(value: str) -> str:
    """Return `value` where it is an exact key.

    Raises:
        ValueError: it is none; the message follows the value.
    """
    key = _parse_key(value)
    if "*" in key:
        raise ValueError("is a glob where one key is needed; name the key")
    return key


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN}),
]
"""Seconds, written with a unit."""

FileMode = Annotated[
    int,
    BeforeValidator(_parse_mode),
    PlainSerializer(lambda mode: f"{mode:04o}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^0?[0-7]{3}$"}),
]
"""Permission bits of a file, written as a quoted octal string."""

KeyGlob = Annotated[str, AfterValidator(_parse_key)]
"""An exact key or a glob, relative to consul.prefix."""

ExactKey = Annotated[str, AfterValidator(parse_exact_key)]
"""An exact key, relative to consul.prefix."""


def secret_fault(words: str) -> PydanticCustomError:
    """Return a fault whose value is never shown; `words` continue the missing value, as everywhere."""
    return PydanticCustomError("secret", "{words}", {"words": words})


def _parse_secret(value: object, handler: ValidatorFunctionWrapHandler) -> SecretStr:
    try:
        parsed: SecretStr = handler(value)
    except ValidationError:
        raise secret_fault("is not text; write it in quotes") from None
    return parsed


Secret = Annotated[SecretStr, WrapValidator(_parse_secret), PlainSerializer(lambda _: None, when_used="json")]
"""Text that no fault shows and no dump holds; empty is the same as not set."""


def _blank_is_unset(value: object) -> object:
    return None if value == "" else value


OptionalText = Annotated[str | None, BeforeValidator(_blank_is_unset)]
"""Text, or None where it is left out or a `${VAR:-}` gave nothing."""


class Limits(Strict):
    """How much one plan may change before it is unsafe. Percentages are of the entries we own before the plan."""

    max_delete_percent: Annotated[float, Field(ge=0, le=100)] = 30
    max_update_percent: Annotated[float, Field(ge=0, le=100)] = 50
    min_entries: Annotated[int, Field(ge=0)] = 5
    allow_empty: bool = False

    def overridden(self, by: "Limits | None") -> "Limits":
        """Return these limits with the fields that `by` sets explicitly."""
        return self if by is None else self.model_copy(update=_explicit(by))


class Debounce(Strict):
    """Apply when nothing has changed for `quiet` seconds, at the latest after `max` seconds."""

    quiet: Duration = 0.05
    max: Duration = 2.0

    def overridden(self, by: "Debounce | None") -> "Debounce":
        """Return this debounce with the fields that `by` sets explicitly."""
        return self if by is None else self.model_copy(update=_explicit(by))


class Expect(Strict):
    """What a target must at least want, or it is held: the only hint at a half-blind token on the first read."""

    min_entries: Annotated[int, Field(ge=1)]


def _explicit(model: BaseModel) -> dict[str, Any]:
    return {name: getattr(model, name) for name in model.model_fields_set}
