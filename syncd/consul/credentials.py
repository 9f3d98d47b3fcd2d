"""The token and the certificates: read from files, never shown."""

import ssl
from pathlib import Path

from syncd.consul.settings import Settings, config_fault
from syncd.core.errors import ConfigError


class Token:
    """The ACL token; a token file is read again when it changes."""

    def __init__(self, settings: Settings) -> None:
        self._file = settings.token_file
        self._value = _checked((settings.token or "").strip(), None)
        self._stamp: tuple[int, int, int] | None = None

    def read(self) -> str:
        """Return the token as it is now, "" for none.

        A file that has become empty or unreadable after it was read once is being replaced: the last token stays.

        Raises:
            ConfigError: the file cannot be read, is empty, or holds no token.
        """
        if self._file is None:
            return self._value
        try:
            status = self._file.stat()
            stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
            if stamp != self._stamp:
                self._value = self._load(self._file)
                self._stamp = stamp
        except (OSError, ConfigError) as error:
            if self._stamp is None:
                raise _token_fault(error, self._file) from error
        return self._value

    @staticmethod
    def _load(file: Path) -> str:
        value = file.read_bytes().decode("ascii", "replace").strip()
        if not value:
            raise config_fault("consul.token_file", "is empty; write the token's secret id into it", file=file)
        return _checked(value, file)


def _checked(value: str, file: Path | None) -> str:
    if not value.isascii() or not value.isprintable() or " " in value:
        where = "consul.token_file" if file else "consul.token"
        raise config_fault(where, "holds more than a token; it takes one secret id, nothing else", file=file)
    return value


def _token_fault(error: OSError | ConfigError, file: Path) -> ConfigError:
    if isinstance(error, ConfigError):
        return error
    return _unreadable("consul.token_file", file, error)


def _unreadable(path: str, file: Path, error: OSError) -> ConfigError:
    why = (error.strerror or type(error).__name__).lower()
    return config_fault(path, f"cannot be read: {why}; make it, or correct {path}", file=file)


def tls_context(settings: Settings) -> ssl.SSLContext:
    """Return what https connections use: the configured CA or the system's, and the client certificate.

    Raises:
        ConfigError: a file cannot be read or holds no certificate or key.
    """
    context = ssl.create_default_context()
    if settings.ca_file:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _read("consul.tls.ca_file", settings.ca_file)
        try:
            context.load_verify_locations(cafile=settings.ca_file)
        except ssl.SSLError as error:
            raise config_fault(
                "consul.tls.ca_file", "holds no certificate in PEM form", file=settings.ca_file
            ) from error
    if settings.cert_file:
        _load_client(context, settings.cert_file, settings.key_file)
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _load_client(context: ssl.SSLContext, cert_file: Path, key_file: Path | None) -> None:
    _read("consul.tls.cert_file", cert_file)
    if key_file:
        _read("consul.tls.key_file", key_file)
    try:
        # An encrypted key would ask for its password on the terminal: it gets an empty one and fails.
        context.load_cert_chain(cert_file, key_file, password=lambda: "")
    except ssl.SSLError as error:
        why = "does not go with key_file, or one of them is not in PEM form without a password"
        raise config_fault("consul.tls.cert_file", why, file=cert_file) from error


def _read(path: str, file: Path) -> None:
    try:
        file.read_bytes()
    except OSError as error:
        raise _unreadable(path, file, error) from error
