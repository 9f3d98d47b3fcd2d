"""Reload by an HTTP request; also the request that a probe sends."""

import asyncio
import base64
import binascii
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import aiohttp
import stamina

from syncd import __version__
from syncd.core.errors import ReloadError
from syncd.reloads.base import TAIL_BYTES, tail

_LATER = (408, 425, 429)
"""Beside 5xx: what a server answers that may well take the same request a moment later."""
_SHORTEST = 4
"""Characters of a word that is masked."""


class Unanswered(ReloadError):
    """There was no answer, or one that says that it may work later."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `files` hold the value of a header and are read before every request; their paths are absolute.

    `status` is what the answer's must be one of, empty for any 2xx. `label` is what it is called in messages in place
    of its URL, where that is secret; what the server says is then not shown either, for it may quote the URL.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    files: Mapping[str, Path]
    status: tuple[int, ...] = ()
    body: bytes | None = None
    label: str | None = None

    async def send(self) -> None:
        """Send it over a connection of its own; redirects are not followed, for they would carry the headers away.

        Raises:
            Unanswered: no connection, no answer, or one of 5xx, 408, 425 and 429.
            ReloadError: another status than wanted, or a header's file cannot be read.
        """
        headers = {**self.headers, **{name: _value(name, path) for name, path in self.files.items()}}
        try:
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(force_close=True),
                    trust_env=False,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    headers={"User-Agent": f"syncd/{__version__}"},
                    timeout=aiohttp.ClientTimeout(total=None),
                ) as session,
                session.request(
                    self.method, self.url, headers=headers, data=self.body, allow_redirects=False
                ) as answer,
            ):
                status = answer.status
                if status in self.status or (not self.status and status // 100 == 2):
                    return
                body = await _start(answer.content)
        except (aiohttp.ClientError, OSError) as error:
            raise Unanswered(f"{self.shown} {_words(error)}") from None
        except ValueError:
            # The library's own words would quote the header that it cannot send.
            raise ReloadError(f"{self.shown} was not asked: a header holds what cannot be sent") from None
        said = _masked(tail(body), headers) if self.label is None else ""
        words = f"{self.shown} answered {status}, not {self._wanted()}{said}"
        raise (Unanswered if status in _LATER or status >= 500 else ReloadError)(words)

    @property
    def shown(self) -> str:
        """The URL without its query, which may hold a secret; or its label."""
        if self.label is not None:
            return self.label
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"

    def _wanted(self) -> str:
        return " or ".join(str(one) for one in self.status) or "2xx"


@dataclass(frozen=True, slots=True)
class HttpReload:
    """Sends a request, and sends it again up to `retries` times where there is no answer; `timeout_s` is for all."""

    what: str
    request: Request
    retries: int
    timeout_s: float

    async def run(self) -> None:
        """Reload once.

        Raises:
            ReloadError: no answer, or not the wanted one, in `timeout_s`.
        """
        last = f"{self.request.shown} gave no answer"
        tries = stamina.retry_context(
            on=Unanswered, attempts=self.retries + 1, timeout=None, wait_initial=0.2, wait_max=2.0, wait_jitter=0.2
        )
        try:
            async with asyncio.timeout(self.timeout_s):
                async for attempt in tries:
                    with attempt:
                        try:
                            await self.request.send()
                        except Unanswered as error:
                            last = str(error)
                            raise
        except TimeoutError as error:
            raise ReloadError(f"{self.what} failed, {self.timeout_s:g} s are over: {last}") from error
        except ReloadError as error:
            raise ReloadError(f"{self.what} failed: {error}") from error


async def _start(content: aiohttp.StreamReader) -> bytes:
    body = b""
    while len(body) < TAIL_BYTES and (part := await content.read(TAIL_BYTES - len(body))):
        body += part
    return body


def _value(name: str, path: Path) -> str:
    try:
        value = path.read_bytes().decode().strip()
    except OSError as error:
        raise ReloadError(f"headers_file {path} cannot be read: {error.strerror}; make it, or correct it") from error
    except UnicodeDecodeError:
        value = ""
    if not value:
        raise ReloadError(f"headers_file {path} holds no value for {name}; write one line of text into it")
    return value


def _words(error: aiohttp.ClientError | OSError) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLError | aiohttp.ClientSSLError):
        return "is not trusted: its certificate cannot be verified here"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be reached ({error.strerror})"
    return f"gave no answer ({type(error).__name__})"


def _masked(text: str, headers: Mapping[str, str]) -> str:
    """Return what a server said without what we sent it in headers: some quote the request that they refuse."""
    words = {form: f"«{name}»" for name, value in headers.items() for form in _forms(value)}
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(word, words[word])
    return "".join(letter for letter in text if letter.isprintable() or letter == "\n")


def _forms(value: str) -> set[str]:
    parts = {value, *value.split()}
    for part in value.split():
        try:
            plain = base64.b64decode(part, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
        parts |= {plain, plain.partition(":")[2]}
    return {form for part in parts for form in (part, quote(part, safe="")) if len(part) >= _SHORTEST}
