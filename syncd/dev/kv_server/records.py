"""What the KV-compatible server keeps and refuses, with the limits and codes of Cloudflare's API. Pure."""

from http import HTTPStatus
from typing import Any

import msgspec

MAX_KEY_BYTES = 512
MAX_METADATA_BYTES = 1024
MAX_VALUE_BYTES = 25 * 2**20
MAX_PAIRS = 10_000
MAX_BULK_GET = 100
MAX_BODY_BYTES = 100 * 10**6
MIN_PAGE, MAX_PAGE = 10, 1000


class Pair(msgspec.Struct, frozen=True):
    """One pair; metadata is any JSON value, None = without."""

    value: bytes
    metadata: Any = None


class Refused(Exception):
    """A request that the API answers with an error."""

    def __init__(self, status: HTTPStatus, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def bad(message: str) -> Refused:
    """Return the refusal of a request that is wrong in itself."""
    return Refused(HTTPStatus.BAD_REQUEST, 10029, f"bad request: {message}")


def no_key() -> Refused:
    """Return the refusal of a read of a key that is not there."""
    return Refused(HTTPStatus.NOT_FOUND, 10009, "get: 'key not found'")


def checked_key(key: str) -> str:
    """Return a key that the API takes. Raises Refused for others."""
    if key in ("", ".", ".."):
        raise bad(f"invalid key '{key}'")
    if len(key.encode(errors="surrogatepass")) > MAX_KEY_BYTES:
        raise Refused(HTTPStatus.BAD_REQUEST, 10030, f"key is over {MAX_KEY_BYTES} bytes: '{key}'")
    return key


def checked_pair(key: str, value: bytes, metadata: Any) -> Pair:
    """Return a pair within the limits. Raises Refused for others."""
    if len(value) > MAX_VALUE_BYTES:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 10029, f"value of '{key}' is over {MAX_VALUE_BYTES} bytes")
    if metadata is not None and len(msgspec.json.encode(metadata)) > MAX_METADATA_BYTES:
        why = f"metadata of '{key}' is over {MAX_METADATA_BYTES} bytes"
        raise Refused(HTTPStatus.BAD_REQUEST, 10047, why)
    return Pair(value, metadata)
