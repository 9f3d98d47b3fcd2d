"""What the config file may say, without its targets: those bring their own models (contract.md §2)."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SerializeAsAny

from syncd.config.notifying import Notify
from syncd.config.reloads import Reload
from syncd.config.types import SomeTime, Text
from syncd.core.fields import (
    Debounce,
    Duration,
    KeyGlob,
    Limits,
    OptionalText,
    Secret,
    Strict,
    parse_exact_key,
    secret_fault,
)
from syncd.targets.base import TargetConfig

DEFAULT_ADDRESS = "${CONSUL_HTTP_ADDR:-http://127.0.0.1:8500}"
"""What `consul.address` is where the file does not say; expanded like the file's own text."""


def check_name(value: str) -> str:
    """Return a name of a target or a reload, or raise ValueError."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}", value):
        raise ValueError("is not a name; write up to 64 letters, digits, . _ and -")
    return value


def _as_number(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 9 else value


def _address(value: str) -> str:
    """Return an address with its scheme; Consul's users write `127.0.0.1:8500` without one."""
    address = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(address)
        known, user, _ = parts.scheme, parts.username, parts.port
    except ValueError:
        known, user, parts = "", None, urlsplit("")
    if user is not None:
        raise secret_fault("holds a user name or password; leave it out and write consul.token_file")
    located = parts.path.startswith("/") and not parts.netloc if known == "unix" else bool(parts.hostname)
    if known not in ("http", "https", "unix") or not located or parts.query or parts.fragment:
        raise ValueError("is not an address; write http://HOST:PORT, https://HOST:PORT or unix:///PATH")
    return address.rstrip("/")


def _prefix(value: str) -> str:
    if not value:
        return value
    if value.startswith("/"):
        raise ValueError("starts with a slash; leave it out, Consul's keys have none")
    folder = value.removesuffix("/")
    if any(part in ("", ".", "..") for part in folder.split("/")):
        raise ValueError("is not a prefix; leave out // and the segments . and ..")
    return folder + "/"


def _listen(value: str) -> str:
    host, _, port = value.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host.replace(":", "\0")
    if not bare or "\0" in bare or "/" in bare or not port.isdecimal() or int(port) > 65535:
        raise ValueError("is not HOST:PORT; write one such as 127.0.0.1:9464")
    return value


def _environment(value: str | None) -> str | None:
    if value is not None and ("/" in value or "*" in value or value in (".", "..")):
        raise ValueError("is not an environment; write one name, such as production")
    return value


def _owner(value: str) -> str:
    if not value or value != value.strip() or not value.isprintable() or len(value.encode()) > 128:
        raise ValueError("is not an owner; write 1 to 128 printable bytes, such as blog-production")
    return value


def _lock_key(value: str | None) -> str | None:
    return None if value is None else parse_exact_key(value)


def _wait(value: float) -> float:
    if not 1 <= value <= 600:
        raise ValueError("is not between 1s and 10m; write one such as 30s")
    return value


Owner = Annotated[str, AfterValidator(_owner)]
Name = Annotated[str, AfterValidator(check_name)]
"""Of a target or a reload: it ends up in metrics, the journal and the paths of faults."""


class Tls(Strict):
    """How Consul is trusted and how we prove who we are; paths are relative to the config file."""

    ca_file: OptionalText = None
    cert_file: OptionalText = None
    key_file: OptionalText = None
    verify: bool = True


class Consul(Strict):
    """Where the source is and what of it we read."""

    address: Annotated[str, AfterValidator(_address)]
    token: Secret | None = None
    token_file: OptionalText = None
    prefix: Annotated[str, AfterValidator(_prefix)] = ""
    """Empty, or ends in `/`."""
    datacenter: OptionalText = None
    wait: Annotated[Duration, AfterValidator(_wait)] = 30.0
    lock_key: Annotated[OptionalText, AfterValidator(_lock_key)] = None
    """The key, relative to the prefix, that one instance holds while it writes remote targets; None is no lock."""
    tls: Tls = Tls()


class Reconcile(Strict):
    """How often every target is read in full."""

    interval: SomeTime = 300.0


class History(Strict):
    """How many entries of the history are kept of each target, and how long after their content was replaced."""

    keep: Annotated[int, Field(ge=0, le=10_000)] = 100
    """0 keeps no history."""
    max_age: SomeTime = 720 * 3600.0


class Http(Strict):
    """Where status, metrics and health are served; `hosts` are names the Host header may have beside our own."""

    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:9464"
    hosts: tuple[Text, ...] = ()

    @property
    def address(self) -> tuple[str, int]:
        """The host, without brackets, and the port of `listen`."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


class Config(Strict):
    """The whole file. `targets` holds one model per kind; the loader builds them from the registry."""

    version: Annotated[Literal[1], BeforeValidator(_as_number)]
    owner: Owner
    owner_was: tuple[Owner, ...] = ()
    environment: Annotated[OptionalText, AfterValidator(_environment)] = None
    state_dir: Text = ".syncd"
    consul: Consul
    sensitive: tuple[KeyGlob, ...] = ("secrets/**",)
    debounce: Debounce = Debounce()
    reconcile: Reconcile = Reconcile()
    limits: Limits = Limits()
    http: Http | None = Http()
    history: History = History()
    notify: Notify | None = None
    reloads: dict[Name, Reload] = Field(default_factory=dict)
    targets: dict[Name, SerializeAsAny[TargetConfig]]
