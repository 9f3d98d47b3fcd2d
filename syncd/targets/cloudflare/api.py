"""Cloudflare's API through its SDK: the only file that knows the SDK. Importing it costs 0.1 s and 30 MiB."""

import logging
from collections.abc import AsyncIterator, Mapping

import httpx
from cloudflare import APIConnectionError, APIStatusError, APITimeoutError, AsyncCloudflare

from syncd.core.errors import TargetError
from syncd.targets.base import Fence, unfenced
from syncd.targets.cloudflare.faults import ApiFault, Reply

_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_PIECE_BYTES = 64 * 1024
_LOGGERS = ("cloudflare", "httpx", "httpcore")


class Api:
    """One HTTP client for one API token; every answer comes back as it is, whatever its status."""

    def __init__(self, base_url: str, token: str) -> None:
        for name in _LOGGERS:  # at debug level the SDK logs the bodies it sends: values
            logging.getLogger(name).setLevel(logging.WARNING)
        # No proxy and no netrc from the environment; a redirect would carry the token elsewhere.
        http = httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=_TIMEOUT)
        # Its own retries ignore a Retry-After above 60 s.
        client = AsyncCloudflare(api_token=token, base_url=base_url, max_retries=0, http_client=http)
        # The SDK reads these from the environment when they are not given; an e-mail address even replaces the token.
        client.api_email = client.api_key = client.user_service_key = None
        client._custom_headers = {}
        self._client = client

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        fence: Fence = unfenced,
    ) -> Reply:
        """Return the answer to one request.

        Args:
            fence: called before each piece of the body is sent. A request without its end is none: nothing is changed.

        Raises:
            ApiFault: there was no answer.
            TargetError: the fence was closed.
        """
        try:
            answer = await self._send(method, path, dict(query or {}), body, fence)
        except APIStatusError as error:
            answer = error.response
        except APITimeoutError as error:
            raise ApiFault("no answer in time", retry=True) from error
        except APIConnectionError as error:
            if isinstance(error.__cause__, TargetError):
                raise error.__cause__ from None
            raise ApiFault(_unreachable(error.__cause__), retry=True) from error
        return Reply(answer.status_code, answer.headers, answer.content)

    async def _send(
        self, method: str, path: str, query: dict[str, object], body: bytes | None, fence: Fence
    ) -> httpx.Response:
        # Raw answers: typed ones cost fifteen times as much, and give None for `success: false`.
        if method == "GET":
            return await self._client.get(path, cast_to=httpx.Response, options={"params": query})
        body = body or b""
        send = self._client.put if method == "PUT" else self._client.post
        content, length = _pieces(body, fence), {"Content-Length": str(len(body))}
        return await send(path, cast_to=httpx.Response, content=content, options={"headers": length})

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


async def _pieces(body: bytes, fence: Fence) -> AsyncIterator[bytes]:
    """Yield the body in pieces. Each is asked for when the one before it was taken and the connection stands."""
    for start in range(0, len(body), _PIECE_BYTES):
        fence()
        yield body[start : start + _PIECE_BYTES]


def _unreachable(cause: BaseException | None) -> str:
    # Only a failed connect says something useful; other texts may quote the request.
    if isinstance(cause, httpx.ConnectError):
        return f"no connection ({cause}); check base_url and the network to it"
    return f"the connection was cut ({type(cause).__name__})"
