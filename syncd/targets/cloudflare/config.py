"""What a `cloudflare_kv` target may say in the config file."""

from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from syncd.core.fields import Duration, KeyGlob, OptionalText, Secret, Strict, secret_fault
from syncd.targets.base import Claim, Raw, TargetConfig, text

DEFAULT_BASE_URL = "https://api.cloudflare.com/client/v4"


def _check_base_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        user = parts.username
    except ValueError:
        sound, user, parts = False, None, urlsplit("")
    if user is not None:
        raise secret_fault("holds a user name or password; leave it out and write api_token_file")
    if not sound or parts.query or parts.fragment:
        raise ValueError(f"is not a base URL; write one such as {DEFAULT_BASE_URL}")
    return value.rstrip("/")


def is_loopback(url: str) -> bool:
    """Return True where a URL leads to this machine only."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _check_interval(value: float) -> float:
    if value <= 0:
        raise ValueError("is no time at all; write more than 0s")
    return value


class Verify(Strict):
    """That the values themselves are read back, and how often each is."""

    interval: Annotated[Duration, AfterValidator(_check_interval)] = 86_400.0


class Config(TargetConfig):
    """Pairs in one Workers KV namespace. Which account and namespace exist is the API's to say, not checked here."""

    kind: Literal["cloudflare_kv"]
    account_id: str = Field(min_length=1)
    namespace_id: str = Field(min_length=1)
    api_token: Secret | None = None
    api_token_file: Annotated[OptionalText, Field(validate_default=True)] = None
    """A file that holds the token; read again before every use."""
    base_url: Annotated[str, AfterValidator(_check_base_url)] = DEFAULT_BASE_URL
    keys: Annotated[list[KeyGlob], Field(min_length=1)]
    """Exact keys and globs, relative to consul.prefix."""
    key_prefix: str = ""
    """Put before the relative key; the target sees nothing outside of it."""
    policy: Literal["sync", "upsert-only", "create-only"] = "sync"
    allow_sensitive: bool = False
    """Send values to the edge whose key matches `sensitive`."""
    verify: Verify | None = None
    """Read the values back, a hundred at a time, spread over the interval; None trusts what metadata says of them."""

    @field_validator("api_token_file", mode="after")
    @classmethod
    def _one_token(cls, path: str | None, info: ValidationInfo) -> str | None:
        if "api_token" not in info.data:
            return path  # at fault itself, and said so
        token = info.data["api_token"]
        if path is None and not (token and token.get_secret_value()):
            raise secret_fault("is missing, and so is api_token; write one of them")
        if path is not None and token and token.get_secret_value():
            raise secret_fault("stands beside api_token; keep one of them")
        return path

    @classmethod
    def claims(cls, raw: Raw, base_dir: Path) -> Iterable[Claim]:
        """Return its part of the namespace."""
        account, namespace = text(raw, "account_id"), text(raw, "namespace_id")
        if account and namespace:
            yield Claim(("cloudflare_kv", account, namespace), "key_prefix", text(raw, "key_prefix") or "")

    def warnings(self) -> Iterable[tuple[str, str]]:
        """Return that the token travels in the clear, where it does."""
        if self.base_url.startswith("http:") and not is_loopback(self.base_url):
            yield "base_url", "is http: the API token travels in the clear; use https"
