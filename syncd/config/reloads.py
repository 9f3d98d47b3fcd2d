"""What the config file may say about a reload: its check, the ways to reload, and the proof that it worked."""

import re
import signal
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from syncd.config.types import Argv, SomeTime, Text
from syncd.core.fields import Debounce, Duration, Secret, Strict, secret_fault

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""What HTTP takes as a method or a header's name."""


def _signal(value: str) -> str:
    name = value.upper().removeprefix("SIG")
    if f"SIG{name}" not in signal.Signals.__members__:
        raise ValueError("is not a signal; write a name such as HUP")
    return name


def check_url(value: str) -> str:
    """Return a URL of http or https, or raise ValueError."""
    try:
        parts = urlsplit(value)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        user = parts.username
    except ValueError:
        sound, user = False, None
    if user is not None:
        raise secret_fault("holds a user name or password; leave it out and write headers_file.Authorization")
    if not sound or any(letter <= " " for letter in value):
        raise ValueError("is not a URL; write one such as http://127.0.0.1:9000/reload")
    return value


def _method(value: str) -> str:
    if not _TOKEN.fullmatch(value):
        raise ValueError("is not a method; write one such as POST")
    return value.upper()


def _header(value: str) -> str:
    if not _TOKEN.fullmatch(value):
        raise ValueError("is not the name of a header; write one such as Authorization")
    return value


def _host(value: str) -> str:
    try:
        parts = urlsplit(value)
        located = bool(parts.hostname) and parts.port is not None
    except ValueError:
        raise ValueError("is not a Docker host; write unix:///PATH or tcp://HOST:PORT") from None
    if parts.scheme == "unix":
        located = parts.path.startswith("/") and not parts.netloc
    if parts.scheme not in ("unix", "tcp") or not located or parts.username is not None:
        raise ValueError("is not a Docker host; write unix:///PATH or tcp://HOST:PORT")
    return value


def _within(value: float) -> float:
    if value < 1:
        raise ValueError("is too short for a probe, which must work several times; write 1s or more")
    return value


def _address(value: str) -> str:
    host, _, port = value.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host.replace(":", "\0")
    if not bare or "\0" in bare or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise ValueError("is not HOST:PORT; write one such as 127.0.0.1:8080")
    return value


Signal = Annotated[str, AfterValidator(_signal)]
"""Name of a signal, without SIG."""
Url = Annotated[str, AfterValidator(check_url)]
Method = Annotated[str, AfterValidator(_method)]
HeaderName = Annotated[str, AfterValidator(_header)]
Status = Annotated[int, Field(ge=100, le=599)]


class SignalReload(Strict):
    """A process, by its pid file or its name, and the signal it gets."""

    pid_file: Text | None = None
    process: Text | None = None
    signal: Signal = "HUP"


class HttpRequest(Strict):
    """A request; `headers_file` names files that hold a header's value and are read before every request."""

    url: Url
    headers: dict[HeaderName, Secret] = Field(default_factory=dict)
    headers_file: dict[HeaderName, Text] = Field(default_factory=dict)
    status: tuple[Status, ...] = ()
    """What the answer's status must be one of; empty is any 2xx."""


class HttpReload(HttpRequest):
    """A request that reloads."""

    method: Method = "POST"
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    """How often it is sent again where there was no answer, or one that says that it may work later."""


class DockerReload(Strict):
    """Containers that run, by their compose service or a label, and what is done to each."""

    host: Annotated[str, AfterValidator(_host)] = "unix:///var/run/docker.sock"
    service: Text | None = None
    project: Text | None = None
    label: Text | None = None
    """`NAME` or `NAME=VALUE`."""
    signal: Signal | None = None
    exec: Argv | None = None
    restart: bool = False


class Probe(Strict):
    """What must answer within some time after the reload."""

    http: HttpRequest | None = None
    tcp: Annotated[str, AfterValidator(_address)] | None = None
    within: Annotated[Duration, AfterValidator(_within)] = 10.0

    @property
    def address(self) -> tuple[str, int]:
        """The host, without brackets, and the port of `tcp`."""
        host, _, port = (self.tcp or ":0").rpartition(":")
        return host.strip("[]"), int(port)


WAYS = ("run", "signal", "http", "docker")
"""The fields of a reload that say how it is done, at most one of them; a new way is a field and its name here."""


class Reload(Strict):
    """The check and the reload that a group of targets shares. Commands are argv lists, without a shell."""

    check: Argv | None = None
    result_file: Text | None = None
    """Where a consumer that checks by itself writes what it found."""
    run: Argv | None = None
    signal: SignalReload | None = None
    http: HttpReload | None = None
    docker: DockerReload | None = None
    probe: Probe | None = None
    timeout: SomeTime = 10.0
    """Of each step by itself: check, result, reload."""
    min_interval: Duration = 0.0
    jitter: Duration = 0.0
    """The reload waits a random part of it, so that a fleet does not reload at once."""
    env: tuple[Text, ...] = ()
    """Names of environment variables that the commands get beside PATH, HOME and LANG."""
    debounce: Debounce | None = None
