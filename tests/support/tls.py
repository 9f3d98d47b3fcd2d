"""A private certificate authority with a server's and a client's certificate, as files."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


class PrivateCA:
    """A CA below `folder`; `ca_file` is its certificate."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca = trustme.CA()
        self.ca_file = str(folder / "ca.pem")
        self._ca.cert_pem.write_to_path(self.ca_file)

    def server(self) -> tuple[str, str]:
        """Return (certificate file, key file) of a server that is 127.0.0.1 and localhost."""
        return self._issue("server", "127.0.0.1", "localhost")

    def client(self) -> tuple[str, str]:
        """Return (certificate file, key file) of a client."""
        return self._issue("client", "client.test")

    def client_context(self) -> ssl.SSLContext:
        """Return the context of a client that trusts only this CA and shows its certificate."""
        context = ssl.create_default_context(cafile=self.ca_file)
        context.load_cert_chain(*self.client())
        return context

    def _issue(self, name: str, *identities: str) -> tuple[str, str]:
        issued = self._ca.issue_cert(*identities)
        cert_file, key_file = str(self._folder / f"{name}.pem"), str(self._folder / f"{name}.key")
        issued.private_key_pem.write_to_path(key_file)
        issued.cert_chain_pems[0].write_to_path(cert_file)
        return cert_file, key_file
