"""What can be done with a namespace: the operations of Cloudflare's v4 API for Workers KV."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

from syncd.dev.kv_server.records import (
    MAX_BULK_GET,
    MAX_PAGE,
    MAX_PAIRS,
    MIN_PAGE,
    Pair,
    Refused,
    bad,
    checked_key,
    checked_pair,
    no_key,
)
from syncd.dev.kv_server.store import KvNamespaces


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `key` is the decoded last part of its path, empty where the operation has none."""

    request: web.Request
    store: KvNamespaces
    namespace: str
    key: str

    def existing(self) -> Pair:
        """Return the pair that the path names. Raises Refused (10009)."""
        pair = self.store.get(self.namespace, checked_key(self.key))
        if pair is None:
            raise no_key()
        return pair

    async def json(self) -> Any:
        """Return the body. Raises Refused (10029) for what is not JSON."""
        try:
            return msgspec.json.decode(await self.request.read())
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            raise bad(f"body is not JSON: {fault}") from fault

    async def json_list(self) -> list[Any]:
        """Return the body, a list of at most `MAX_PAIRS`. Raises Refused (10029)."""
        body = await self.json()
        if not isinstance(body, list):
            raise bad("body must be a JSON array")
        if len(body) > MAX_PAIRS:
            raise bad(f"over {MAX_PAIRS} in one request")
        return body


def succeed(result: object, **more: object) -> web.Response:
    """Return the envelope of a success."""
    body = {"success": True, "errors": [], "messages": [], "result": result, **more}
    return web.Response(body=msgspec.json.encode(body), content_type="application/json")


async def list_keys(call: Call) -> web.Response:
    """Show the names of a page of keys, with metadata; `cursor` goes on behind the page before."""
    query = call.request.query
    limit = query.get("limit") or str(MAX_PAGE)
    if not (limit.isascii() and limit.isdigit() and MIN_PAGE <= int(limit) <= MAX_PAGE):
        raise bad(f"limit must be {MIN_PAGE} to {MAX_PAGE}")
    try:
        after = base64.urlsafe_b64decode(query.get("cursor", "")).decode()
    except ValueError as fault:
        raise bad("invalid cursor") from fault
    pairs, last = call.store.page(call.namespace, query.get("prefix", ""), after, int(limit))
    keys = [{"name": key} | ({} if pair.metadata is None else {"metadata": pair.metadata}) for key, pair in pairs]
    cursor = base64.urlsafe_b64encode(last.encode()).decode()
    return succeed(keys, result_info={"count": len(keys), "cursor": cursor})


async def put_bulk(call: Call) -> web.Response:
    """Write many pairs: all, or none where one of them is wrong."""
    pairs: dict[str, Pair] = {}
    wishes = await call.json_list()
    for wish in wishes:
        key, pair = _pair_of(wish)
        if pairs.setdefault(key, pair).value != pair.value:
            raise bad(f"key '{key}' with two values")
    call.store.put(call.namespace, pairs)
    return _bulk_done(len(wishes))


def _pair_of(wish: Any) -> tuple[str, Pair]:
    if not isinstance(wish, Mapping) or not all(isinstance(wish.get(name), str) for name in ("key", "value")):
        raise bad("key and value must be strings")
    key, value = checked_key(wish["key"]), wish["value"].encode()
    if wish.get("expiration") is not None or wish.get("expiration_ttl") is not None:
        raise Refused(HTTPStatus.BAD_REQUEST, 10033, f"key '{key}': syncd dev does not let keys expire")
    if wish.get("base64"):
        try:
            value = base64.b64decode(value, validate=True)
        except binascii.Error as fault:
            raise bad(f"value of '{key}' is not base64") from fault
    return key, checked_pair(key, value, wish.get("metadata"))


async def delete_bulk(call: Call) -> web.Response:
    """Remove many keys."""
    keys = await call.json_list()
    if not all(isinstance(key, str) for key in keys):
        raise bad("keys must be strings")
    call.store.delete(call.namespace, [checked_key(key) for key in keys])
    return _bulk_done(len(keys))


def _bulk_done(count: int) -> web.Response:
    return succeed({"successful_key_count": count, "unsuccessful_keys": []})


async def get_bulk(call: Call) -> web.Response:
    """Read up to `MAX_BULK_GET` values as text or JSON, null for a key that is not there."""
    wish = await call.json()
    keys = wish.get("keys") if isinstance(wish, Mapping) else None
    if not isinstance(keys, list) or len(keys) > MAX_BULK_GET or not all(isinstance(key, str) for key in keys):
        raise bad(f"keys must be a list of at most {MAX_BULK_GET}")
    found = {key: call.store.get(call.namespace, checked_key(key)) for key in keys}
    show = _with_metadata if wish.get("withMetadata") else _bare
    as_json = wish.get("type", "text") == "json"
    return succeed({"values": {key: pair and show(key, pair, as_json) for key, pair in found.items()}})


def _bare(key: str, pair: Pair, as_json: bool) -> Any:
    if not as_json:
        return pair.value.decode(errors="replace")
    try:
        return msgspec.json.decode(pair.value)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise bad(f"value of '{key}' is not JSON") from fault


def _with_metadata(key: str, pair: Pair, as_json: bool) -> dict[str, Any]:
    return {"value": _bare(key, pair, as_json), "metadata": pair.metadata}


async def get_value(call: Call) -> web.Response:
    """Read one value, as it is."""
    return web.Response(body=call.existing().value, content_type="application/octet-stream")


async def get_metadata(call: Call) -> web.Response:
    """Read the metadata of one key, null where it has none."""
    return succeed(call.existing().metadata)


async def put_value(call: Call) -> web.Response:
    """Write one pair: the body is the value, or a form with `value` and `metadata`."""
    checked_key(call.key)
    value, metadata = await _value_and_metadata(call.request)
    call.store.put(call.namespace, {call.key: checked_pair(call.key, value, metadata)})
    return succeed({})


async def _value_and_metadata(request: web.Request) -> tuple[bytes, Any]:
    if not request.content_type.startswith("multipart/"):
        return await request.read(), None
    form = await request.post()
    value, metadata = form.get("value", ""), form.get("metadata")
    try:
        told = msgspec.json.decode(metadata) if isinstance(metadata, str) else None
    except msgspec.DecodeError as fault:
        raise bad("metadata is not JSON") from fault
    return (value.file.read() if isinstance(value, web.FileField) else _bytes(value)), told


def _bytes(value: str | bytes | bytearray) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


async def delete_value(call: Call) -> web.Response:
    """Remove one key."""
    call.store.delete(call.namespace, [checked_key(call.key)])
    return succeed({})


OPERATIONS: Mapping[str, Callable[[Call], Awaitable[web.Response]]] = {
    "GET keys": list_keys,
    "PUT bulk": put_bulk,
    "POST bulk/delete": delete_bulk,
    "POST bulk/get": get_bulk,
    "GET values": get_value,
    "PUT values": put_value,
    "DELETE values": delete_value,
    "GET metadata": get_metadata,
}
