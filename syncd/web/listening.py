"""The address that the status server listens on, and what is said where it cannot."""

import socket

from syncd.core.errors import ConfigError, Fault


def ensure_free(address: tuple[str, int]) -> None:
    """Do nothing where a server could listen there.

    Raises:
        ConfigError: the port is taken, or the address is not ours.
    """
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as taker:
            taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taker.bind((host, port))
    except OSError as error:
        raise cannot_listen(address, error) from error


def cannot_listen(address: tuple[str, int], error: OSError) -> ConfigError:
    """Return the fault of an address that cannot be listened on."""
    where = f"{address[0]}:{address[1]}"
    message = f"cannot listen on '{where}' ({error.strerror}); stop what uses it, or set http.listen"
    return ConfigError([Fault("http.listen", 0, 0, "", message)])
