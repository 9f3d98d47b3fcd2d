"""Types of fields that several parts of the config file share."""

from typing import Annotated

from pydantic import AfterValidator, Field

from syncd.core.fields import Duration


def _some_time(value: float) -> float:
    if value <= 0:
        raise ValueError("is no time at all; write more than 0s")
    return value


Text = Annotated[str, Field(min_length=1)]
Argv = Annotated[tuple[Text, ...], Field(min_length=1)]
"""A command: words, without a shell."""
SomeTime = Annotated[Duration, AfterValidator(_some_time)]
"""Seconds, more than none."""
