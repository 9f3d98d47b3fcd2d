"""How one Consul is reached: what the operator configured, checked and taken apart."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from syncd.core.errors import ConfigError, Fault

UNIX_SCHEME = "unix://"
MAX_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Settings:
    """The `consul:` part of the configuration; paths are absolute or relative to the working folder.

    `prefix` is empty or ends in `/`. `token_file` wins over `token`.
    """

    address: str = "http://127.0.0.1:8500"
    token: str | None = None
    token_file: Path | None = None
    prefix: str = ""
    datacenter: str | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go: `base_url` without a last slash, and the unix socket to use instead of its host."""

    base_url: str
    label: str
    """The address for messages, without user information."""
    socket: str | None = None

    @property
    def secure(self) -> bool:
        """Return True for https."""
        return self.base_url.startswith("https://")


def endpoint(address: str) -> Endpoint:
    """Return the endpoint of an address: http://, https:// or unix://; without a scheme it is http, as for Consul.

    Raises:
        ConfigError: nothing that could be connected to.
    """
    if address.startswith(UNIX_SCHEME):
        path = address.removeprefix(UNIX_SCHEME)
        if not path:
            raise _not_an_address("unix:// names no socket")
        return Endpoint("http://localhost", address, path)
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _not_an_address("host or port cannot be read") from None
    if parts.scheme not in ("http", "https"):
        raise _not_an_address("the scheme is neither http, https nor unix")
    if not host or parts.query or parts.fragment or any(character.isspace() for character in address):
        raise _not_an_address("it is not scheme://host:port")
    where = parts.netloc.rpartition("@")[2] if port is not None else parts.netloc.rpartition("@")[2].rstrip(":")
    label = f"{parts.scheme}://{where}{parts.path.rstrip('/')}"
    base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    return Endpoint(base, label)


def _not_an_address(why: str) -> ConfigError:
    return config_fault("consul.address", f"is no address: {why}; write http://host:8500, https:// or unix:///path")


def config_fault(path: str, message: str, *, file: Path | None = None) -> ConfigError:
    """Return the error for one setting; the place is the file it names, or the configuration as a whole."""
    return ConfigError([Fault(str(file) if file else "config", 0, 0, path, message)])
