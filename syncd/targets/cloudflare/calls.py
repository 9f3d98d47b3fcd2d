"""The four calls a target makes, each within the token's budget and tried again where that can help."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
import stamina

from syncd.core.errors import TargetError
from syncd.core.usage import Operation
from syncd.targets.base import Fence, unfenced
from syncd.targets.cloudflare import wire
from syncd.targets.cloudflare.budget import TooLong
from syncd.targets.cloudflare.faults import ApiFault, Place, understood
from syncd.targets.cloudflare.shared import Shared

if TYPE_CHECKING:
    from syncd.targets.cloudflare.api import Api

TRIES = 5
_UNREADABLE = "\ufffd"
"""What the API puts in place of bytes that are not text."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call below the namespace's address; `keys` are those it writes, if `fence` lets it.

    `billed` is how many operations of its kind it is to Cloudflare. One that is `spare` can wait for all others.
    """

    kind: Operation
    method: str
    operation: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    keys: tuple[str, ...] = ()
    fence: Fence = unfenced
    billed: int = 1
    spare: bool = False


class Calls:
    """The calls to one namespace with one token. A deadline is in monotonic seconds: no wait begins that ends later."""

    def __init__(self, target: str, api: "Api", token: str, place: Place, shared: Shared) -> None:
        self.ledger = shared.ledger(place.base_url, place.account_id, place.namespace_id)
        self._target = target
        self._api = api
        self._place = place
        self._clock = shared.clock
        self._budget = shared.budget(token)
        self._usage = shared.usage(target)
        account, namespace = quote(place.account_id, safe=""), quote(place.namespace_id, safe="")
        self._path = f"/accounts/{account}/storage/kv/namespaces/{namespace}/"

    async def page(self, prefix: str, cursor: str, deadline: float) -> tuple[Sequence[wire.Row], str]:
        """Return one page of keys with their metadata, and the next cursor, "" at the end.

        Raises:
            TargetError: it could not be read.
        """
        query = {"limit": "1000", "prefix": prefix, "cursor": cursor}
        request = Request("list", "GET", "keys", {name: value for name, value in query.items() if value})
        with self._named("listing keys"):
            answer = await self._send(request, wire.Answer[list[wire.Row]], deadline)
        return answer.result or (), (answer.result_info and answer.result_info.cursor) or ""

    async def put(self, bulk: Mapping[str, bytes], deadline: float, fence: Fence = unfenced) -> Sequence[str]:
        """Write a bulk of pairs; return the keys that were not written.

        Raises:
            TargetError: none is known to be written.
        """
        request = Request("write", "PUT", "bulk", keys=tuple(bulk), fence=fence, billed=len(bulk))
        refused = await self._bulk("writing", request, bulk, deadline)
        self._usage.writes += len(bulk) - len(refused)
        return refused

    async def delete(self, bulk: Mapping[str, bytes], deadline: float, fence: Fence = unfenced) -> Sequence[str]:
        """Delete a bulk of keys; return those that were not deleted.

        Raises:
            TargetError: none is known to be deleted.
        """
        request = Request("delete", "POST", "bulk/delete", keys=tuple(bulk), fence=fence, billed=len(bulk))
        return await self._bulk("deleting", request, bulk, deadline)

    async def contents(self, keys: Sequence[str], deadline: float, *, spare: bool = False) -> dict[str, bytes]:
        """Return the values of these keys; without those that are gone, not text, or too large to be shown together.

        A key never travels in a path, where `..` and `%2f` would depend on every proxy in between. So a value that is
        not text cannot be had: the API's bulk read gives text only.

        Raises:
            TargetError: they could not be read.
        """
        found: dict[str, bytes] = {}
        for start in range(0, len(keys), wire.GET_KEYS):
            values = await self._texts(keys[start : start + wire.GET_KEYS], deadline, spare=spare) or {}
            found.update((k, v.encode()) for k, v in values.items() if isinstance(v, str) and _UNREADABLE not in v)
        return found

    async def look(self, keys: Sequence[str], deadline: float) -> dict[str, str | None]:
        """Return the text that the API shows of up to 100 values, None for a key that is not there; it can wait.

        What is not text comes with signs in place of its bytes. A value that is too large to be shown is left out.

        Raises:
            TargetError: they could not be read.
        """
        if not keys:
            return {}
        values = await self._texts(keys, deadline, spare=True)
        if values is not None:
            return {key: values[key] for key in keys if isinstance(values.get(key, 0), str | None)}
        if len(keys) == 1:
            return {}
        half = len(keys) // 2
        return {**await self.look(keys[:half], deadline), **await self.look(keys[half:], deadline)}

    async def close(self) -> None:
        """Close connections."""
        await self._api.close()

    async def _texts(self, keys: Sequence[str], deadline: float, *, spare: bool = False) -> Mapping[str, Any] | None:
        """Return the values of up to 100 keys, None where they are too large to be shown together."""
        body = msgspec.json.encode({"keys": keys, "type": "text"})
        request = Request("read", "POST", "bulk/get", body=body, billed=len(keys), spare=spare)
        with self._named("reading values"):
            try:
                answer = await self._send(request, wire.Answer[wire.Values], deadline)
            except ApiFault as fault:
                if fault.status == 413:
                    return None
                raise
        return (answer.result and answer.result.values) or {}

    async def _bulk(self, doing: str, request: Request, bulk: Mapping[str, bytes], deadline: float) -> Sequence[str]:
        request = replace(request, body=b"[" + b",".join(bulk.values()) + b"]")
        with self._named(f"{doing} {len(bulk):,} pair{'s' * (len(bulk) > 1)}"):
            answer = await self._send(request, wire.Answer[wire.BulkResult], deadline)
        return (answer.result and answer.result.unsuccessful_keys) or ()

    async def _send(self, request: Request, kind: type[wire.Answer[wire.T]], deadline: float) -> wire.Answer[wire.T]:
        def again(error: Exception) -> bool:
            wait_s = getattr(error, "retry_after_s", None) or 0.0
            return isinstance(error, ApiFault) and error.retry and self._clock.now() + wait_s <= deadline

        async for attempt in stamina.retry_context(
            on=again, attempts=TRIES, timeout=None, wait_initial=0.5, wait_max=8.0, wait_jitter=1.0
        ):
            with attempt:
                return await self._try(request, kind, deadline)
        raise AssertionError("stamina raises what the last attempt raised")

    async def _try(self, request: Request, kind: type[wire.Answer[wire.T]], deadline: float) -> wire.Answer[wire.T]:
        if (wait_s := self.ledger.ready_in(request.keys)) > 0:
            self._usage.waited("spacing", wait_s)
            await self._clock.sleep(wait_s)
        if request.spare:
            await self._budget.take_spare(deadline)
        else:
            await self._budget.take(deadline, self._usage.waited)
        request.fence()
        status = None
        try:
            reply = await self._api.call(
                request.method,
                self._path + request.operation,
                query=request.query,
                body=request.body,
                fence=request.fence,
            )
            status = reply.status
        finally:  # cancelled or cut off, it may have been carried out all the same
            self.ledger.touched(request.keys)
            self._usage.called(request.kind, status, request.billed)
        try:
            return understood(reply, kind, self._place, self._clock.utc())
        except ApiFault as fault:
            if fault.retry and fault.retry_after_s is not None:
                self._budget.block(fault.retry_after_s)
            raise

    @contextmanager
    def _named(self, doing: str) -> Iterator[None]:
        try:
            yield
        except ApiFault as fault:
            raise TargetError(
                f"{self._target}: {doing}: {fault}", retry_after_s=fault.retry_after_s, final=fault.final
            ) from fault
        except TooLong as long:
            raise TargetError(
                f"{self._target}: {doing}: the API token may not be used for another {long.wait_s:.0f} s "
                "(1,200 calls in 5 minutes are allowed, by whomever)",
                retry_after_s=long.wait_s,
            ) from long
