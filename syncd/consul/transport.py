"""Consul's HTTP on aiohttp, as the HTTP client under python-consul2's API. No other file knows HTTP.

The clients that python-consul2 ships know no timeouts, follow redirects with the token, obey proxy variables and drop
response headers. This one gives every answer as it came: status, headers, body. What it means is decided in `answers`.
"""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import yarl

from syncd import __version__
from syncd.consul.credentials import Token, tls_context
from syncd.consul.failures import Unreachable, Untrusted, not_consul
from syncd.consul.library import base
from syncd.consul.settings import Endpoint, Settings, endpoint
from syncd.core.fields import parse_duration

READ_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 5.0
MAX_BODY_BYTES = 512 * 1024 * 1024

Params = Sequence[tuple[str, object]]


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer as it came; `url` is what was asked, `label` the address for messages."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    label: str


class HTTPClient(base.HTTPClient):  # type: ignore[misc]  # python-consul2 has no types
    """python-consul2's HTTP client on one aiohttp session.

    The callbacks that the API hands in are not run: they drop the headers and know no errors of ours.
    """

    def __init__(self, settings: Settings, *, connections: int) -> None:
        self._endpoint: Endpoint = endpoint(settings.address)
        super().__init__()
        self.base_uri = self._endpoint.base_url
        self._token = Token(settings)
        self._tls = tls_context(settings) if self._endpoint.secure else None
        self._slots = asyncio.Semaphore(connections)
        self._session: aiohttp.ClientSession | None = None

    @property
    def label(self) -> str:
        """The address for messages."""
        return self._endpoint.label

    async def get(self, callback: object, path: str, params: Params | None = None, headers: object = None) -> Answer:
        """Return the answer to a consistent read.

        Raises:
            Unreachable: no connection, or no full answer in time.
            Untrusted: TLS was refused.
            NotConsul: the answer is not HTTP, or larger than any real one.
        """
        asked = list(params or ())
        if not any(name in ("consistent", "stale") for name, _ in asked):
            asked.append(("consistent", "1"))
        return await self._request("GET", path, asked, None)

    async def put(
        self,
        callback: object,
        path: str,
        params: Params | None = None,
        data: str | bytes = "",
        headers: object = None,
    ) -> Answer:
        """Return the answer to a PUT; raises as `get`."""
        return await self._request("PUT", path, params, data)

    async def post(
        self,
        callback: object,
        path: str,
        params: Params | None = None,
        data: str | bytes = "",
        headers: object = None,
    ) -> Answer:
        """Return the answer to a POST; raises as `get`."""
        return await self._request("POST", path, params, data)

    async def delete(
        self,
        callback: object,
        path: str,
        params: Params | None = None,
        data: str | bytes = "",
        headers: object = None,
    ) -> Answer:
        """Return the answer to a DELETE; raises as `get`."""
        return await self._request("DELETE", path, params, data)

    async def close(self) -> None:
        """Close all connections."""
        if self._session:
            await self._session.close()
            self._session = None

    async def _request(self, method: str, path: str, params: Params | None, data: str | bytes | None) -> Answer:
        # Already quoted by the base class; yarl must not quote or normalise it a second time.
        url = yarl.URL(self.uri(path, params), encoded=True)
        timeout_s = deadline_s(params or ())
        async with self._slots:
            token = self._token.read()
            headers = {"X-Consul-Token": token} if token else {}
            try:
                async with asyncio.timeout(timeout_s), _closed_first():
                    return await self._exchange(method, url, headers, data)
            except aiohttp.ConnectionTimeoutError as error:
                what = f"is unreachable: no connection within {CONNECT_TIMEOUT_S:g} s"
                raise Unreachable(self.label, what) from error
            except TimeoutError as error:
                raise Unreachable(self.label, f"did not answer within {timeout_s:g} s") from error
            except aiohttp.ClientResponseError as error:
                raise not_consul(self._shown(url), "no HTTP") from error
            except (aiohttp.ClientError, OSError) as error:
                refusal = _tls_refusal(error)
                if refusal is not None:
                    raise Untrusted(_untrusted(self.label, refusal)) from error
                raise Unreachable(self.label, _words(error)) from error

    async def _exchange(
        self, method: str, url: yarl.URL, headers: Mapping[str, str], data: str | bytes | None
    ) -> Answer:
        async with self._open().request(method, url, data=data, headers=headers, allow_redirects=False) as response:
            chunks: list[bytes] = []
            size = 0
            async for chunk in response.content.iter_any():
                chunks.append(chunk)
                size += len(chunk)
                if size > MAX_BODY_BYTES:
                    raise not_consul(self._shown(url), f"more than {MAX_BODY_BYTES >> 20} MiB")
            return Answer(response.status, response.headers, b"".join(chunks), self._shown(url), self.label)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector: aiohttp.BaseConnector
            if self._endpoint.socket:
                connector = aiohttp.UnixConnector(self._endpoint.socket, limit=0)
            else:
                connector = aiohttp.TCPConnector(limit=0, ssl=self._tls or True)
            self._session = aiohttp.ClientSession(
                connector=connector,
                trust_env=False,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept-Encoding": "identity", "User-Agent": f"syncd/{__version__}"},
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
            )
        return self._session

    def _shown(self, url: yarl.URL) -> str:
        return self.label + url.raw_path_qs.removeprefix(yarl.URL(self.base_uri, encoded=True).raw_path.rstrip("/"))


@asynccontextmanager
async def _closed_first() -> AsyncIterator[None]:
    """Let a cancelled request's connection close, in the loop's next turn, before its slot is another's."""
    try:
        yield
    except asyncio.CancelledError:
        await asyncio.sleep(0)
        raise


class Api(base.Consul):  # type: ignore[misc]  # python-consul2 has no types
    """python-consul2's API over our transport."""

    def __init__(self, settings: Settings, *, connections: int) -> None:
        # The base class' own constructor is not run: in it CONSUL_HTTP_* beat explicit arguments, or raise.
        self.http = HTTPClient(settings, connections=connections)
        self.token = None
        self.dc = settings.datacenter
        self.consistency = "consistent"
        self.kv = base.Consul.KV(self)
        self.health = base.Consul.Health(self)
        self.catalog = base.Consul.Catalog(self)
        self.session = base.Consul.Session(self)


def deadline_s(params: Params) -> float:
    """Return how many seconds a read may take: Consul answers a blocking query after its wait + up to wait/16."""
    waits = [parse_duration(value) for name, value in params if name == "wait"]
    return READ_TIMEOUT_S + sum(waits) * 17 / 16


def _tls_refusal(error: BaseException | None) -> ssl.SSLError | None:
    """Return why TLS was refused, by us or by Consul; None where the connection just broke."""
    broken = (ssl.SSLEOFError, ssl.SSLZeroReturnError, aiohttp.ClientError)  # aiohttp's own are SSLErrors, too
    while error is not None:
        if isinstance(error, ssl.SSLError) and not isinstance(error, broken):
            return error
        error = error.__cause__
    return None


def _untrusted(label: str, refusal: ssl.SSLError) -> str:
    why = (
        getattr(refusal, "verify_message", None) or (refusal.reason or type(refusal).__name__).replace("_", " ").lower()
    )
    return (
        f"Consul at {label} cannot be trusted, or does not trust us: {why}; "
        "check consul.tls.ca_file, cert_file and key_file, and that the scheme is right"
    )


def _words(error: Exception) -> str:
    cause = getattr(error, "os_error", error)
    if isinstance(cause, socket.gaierror):
        return "is unreachable: its host name cannot be resolved"
    number = getattr(cause, "errno", None)
    if isinstance(number, int) and number in errno.errorcode:
        return f"is unreachable: {os.strerror(number).lower()}"
    return "closed the connection before its answer was complete"
