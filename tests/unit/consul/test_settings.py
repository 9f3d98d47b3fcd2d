"""Addresses, tokens and certificates before anything is sent."""

from pathlib import Path

import pytest

from syncd.consul.credentials import Token, tls_context
from syncd.consul.settings import Settings, endpoint
from syncd.consul.transport import deadline_s
from syncd.core.errors import ConfigError


@pytest.mark.parametrize(
    ("address", "base", "label"),
    [
        ("http://127.0.0.1:8500", "http://127.0.0.1:8500", "http://127.0.0.1:8500"),
        ("http://127.0.0.1:8500/", "http://127.0.0.1:8500", "http://127.0.0.1:8500"),
        ("consul:8500", "http://consul:8500", "http://consul:8500"),
        ("https://[::1]:8501/consul/", "https://[::1]:8501/consul", "https://[::1]:8501/consul"),
        ("https://me:pw@host", "https://me:pw@host", "https://host"),
    ],
)
def test_addresses(address: str, base: str, label: str) -> None:
    """An address gives where to send requests, and a label without what is secret in it."""
    found = endpoint(address)
    assert (found.base_url, found.label, found.socket) == (base, label, None)


def test_a_unix_socket() -> None:
    """The host of the URL is only for the header."""
    found = endpoint("unix:///run/consul.sock")
    assert (found.socket, found.label) == ("/run/consul.sock", "unix:///run/consul.sock")


@pytest.mark.parametrize("address", ["", "http://", "ftp://x", "http://h:99999", "unix://", "http://a b", "http://h?x"])
def test_what_is_no_address(address: str) -> None:
    """It is a fault of the configuration that names the setting."""
    with pytest.raises(ConfigError, match=r"consul\.address: is no address"):
        endpoint(address)


def test_a_token_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """Also where it is replaced, and white space around the token is not part of it."""
    file = tmp_path / "token"
    file.write_text("  one\n")
    token = Token(Settings(token_file=file, token="other"))
    assert token.read() == "one"
    file.with_suffix(".new").write_text("three\n")
    file.with_suffix(".new").replace(file)
    assert token.read() == "three"


def test_a_token_file_that_is_being_written_keeps_the_last_token(tmp_path: Path) -> None:
    """Empty, gone or half a line for a moment: no request goes out without a token."""
    file = tmp_path / "token"
    file.write_text("one")
    token = Token(Settings(token_file=file))
    assert token.read() == "one"
    file.write_text("")
    assert token.read() == "one"
    file.unlink()
    assert token.read() == "one"
    file.write_text("second")
    assert token.read() == "second"


@pytest.mark.parametrize("content", [None, "", " \n", "two words", "sécret", "a\nb"])
def test_a_token_file_without_a_token(tmp_path: Path, content: str | None) -> None:
    """The fault names the file and never what is in it."""
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError) as caught:
        Token(Settings(token_file=file)).read()
    assert str(caught.value).startswith(f"{file}: consul.token_file: ")
    assert not content or content.isspace() or content not in str(caught.value)


def test_certificate_files_that_cannot_be_used(tmp_path: Path) -> None:
    """Missing and wrong files are told apart, each by its setting."""
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    with pytest.raises(ConfigError, match=r"consul\.tls\.ca_file: cannot be read: no such file"):
        tls_context(Settings(ca_file=tmp_path / "ca.pem"))
    with pytest.raises(ConfigError, match=r"consul\.tls\.ca_file: holds no certificate"):
        tls_context(Settings(ca_file=junk))
    with pytest.raises(ConfigError, match=r"consul\.tls\.cert_file: does not go with key_file"):
        tls_context(Settings(cert_file=junk, key_file=junk))


def test_a_blocking_query_may_take_its_wait_and_a_sixteenth() -> None:
    """Plus ten seconds, which is all that a plain read has."""
    assert deadline_s([("recurse", "1")]) == 10
    assert deadline_s([("index", 7), ("wait", "32000ms")]) == 32 + 2 + 10
