"""What the config file may say about the notification: where it goes, what it holds, and when there is one."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator

from syncd.config.reloads import HeaderName, Method, check_url
from syncd.config.types import SomeTime, Text
from syncd.core.fields import Duration, OptionalText, Secret, Strict, secret_fault
from syncd.core.notices import EVENTS, SAMPLE, Event
from syncd.core.templating.errors import TemplateFault
from syncd.core.templating.inline import render_inline

BODY = "notify.body"
"""What the body's template is called in messages."""


def _url(value: SecretStr | None) -> SecretStr | None:
    if value is not None and value.get_secret_value():
        try:
            check_url(value.get_secret_value())
        except ValueError:
            raise secret_fault("is not a URL; write one such as https://alerts.example.com/hook") from None
    return value


def _body(value: str | None) -> str | None:
    if value is not None:
        try:
            render_inline(value, SAMPLE, name=BODY)
        except TemplateFault as fault:
            where = f" in line {fault.line}" if fault.line else ""
            raise ValueError(f"cannot be rendered{where}: {fault.reason}; it may use {', '.join(SAMPLE)}") from None
    return value


class Notify(Strict):
    """One webhook that is called when a target gets into a state, and when it is well again."""

    url: Annotated[Secret | None, AfterValidator(_url)] = None
    url_file: Annotated[OptionalText, Field(validate_default=True)] = None
    """A file that holds it; read before every message."""
    method: Method = "POST"
    headers: dict[HeaderName, Secret] = Field(default_factory=dict)
    headers_file: dict[HeaderName, Text] = Field(default_factory=dict)
    body: Annotated[OptionalText, AfterValidator(_body)] = None
    """Jinja2; None is a JSON object of all that a message says."""
    on: Annotated[tuple[Event, ...], Field(min_length=1)] = EVENTS
    after: Duration = 30.0
    """How long a state must last before it is told."""
    min_interval: Duration = 300.0
    """Between two troubles of the same target that are told."""
    timeout: SomeTime = 10.0
    """Of one try."""
    retries: Annotated[int, Field(ge=0, le=10)] = 5

    @field_validator("url_file", mode="after")
    @classmethod
    def _one_url(cls, path: str | None, info: ValidationInfo) -> str | None:
        if "url" not in info.data:
            return path  # at fault itself, and said so
        given = bool(info.data["url"] and info.data["url"].get_secret_value())
        if path is None and not given:
            raise secret_fault("has no URL; write url or url_file")
        if path is not None and given:
            raise secret_fault("stands beside url; keep one of them")
        return path
