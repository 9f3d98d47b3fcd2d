"""`/v1/kv/` and `/v1/txn`."""

from http import HTTPStatus

from aiohttp import web

from syncd.dev.consul_server import txn
from syncd.dev.consul_server.front import Call, Routes, answer, blocking, index_headers, not_found
from syncd.dev.consul_server.records import Refused


async def get(call: Call) -> web.Response:
    """Read one key, `?recurse` all under a prefix, `?keys` their names (cut at `?separator`), `?raw` the bare value."""
    kv, name = call.state.kv, call.rest
    if "keys" in call.query:
        separator = call.query.get("separator", "")
        index, keys = await blocking(call, lambda: kv.keys(name, separator), kv.concerns_tree(name))
        return answer(call, keys, index) if keys else not_found(index)
    if "recurse" in call.query:
        index, entries = await blocking(call, lambda: kv.tree(name), kv.concerns_tree(name))
        return answer(call, entries, index) if entries else not_found(index)
    _named(call)
    index, entry = await blocking(call, lambda: kv.get(name), kv.concerns_key(name))
    if entry is None:
        return not_found(index)
    if "raw" in call.query:
        return web.Response(body=entry.value or b"", headers=index_headers(index), content_type="text/plain")
    return answer(call, [entry], index)


async def put(call: Call) -> web.Response:
    """Write one key; `?cas`, `?acquire` and `?release` only if they may, which the answer tells."""
    kv, sessions, key = call.state.kv, call.state.sessions, _named(call)
    _one_of(call, "cas", "acquire", "release")
    flags, expected = call.number("flags") or 0, call.number("cas")
    value = await call.body()
    acquire, release = call.query.get("acquire"), call.query.get("release")
    if acquire is not None and sessions.delayed(key):
        return answer(call, False)
    with call.state.write() as index:
        if acquire is not None:
            done = kv.lock(index, key, value, flags, sessions.holder(acquire))
        elif release is not None:
            done = kv.unlock(index, key, value, flags, sessions.holder(release))
        elif expected is not None:
            done = kv.set_if(index, key, value, flags, expected) is not None
        else:
            done = bool(kv.set(index, key, value, flags))
    return answer(call, done)


async def delete(call: Call) -> web.Response:
    """Remove one key, `?recurse` all under a prefix, `?cas` only if it did not change."""
    kv, key = call.state.kv, call.rest if "recurse" in call.query else _named(call)
    _one_of(call, "recurse", "cas")
    expected = call.number("cas")
    done = True
    with call.state.write() as index:
        if "recurse" in call.query:
            kv.delete_tree(index, key)
        elif expected is not None:
            done = kv.delete_if(index, key, expected)
        else:
            kv.delete(index, key)
    return answer(call, done)


class _Abort(Exception):
    """Undoes the writes of a transaction that failed."""


async def transact(call: Call) -> web.Response:
    """Carry out a transaction: 200 with its results, or 409 with its errors and nothing written."""
    ops = txn.parse(await call.body())
    try:
        with call.state.write() as index:
            results, errors = txn.run(call.state.kv, index, ops)
            if errors:
                raise _Abort
    except _Abort:
        status = HTTPStatus.CONFLICT
        outcome: dict[str, object] = {"Results": None, "Errors": errors}
    else:
        status = HTTPStatus.OK
        outcome = {"Results": [{"KV": entry} for entry in results], "Errors": None}
    if not any(op.verb in txn.WRITE_VERBS for op in ops):
        outcome |= {"Index": 0, "LastContact": 0, "KnownLeader": True}
    return answer(call, outcome, status=status)


def _named(call: Call) -> str:
    if not call.rest:
        raise Refused(400, "Missing key name")
    return call.rest


def _one_of(call: Call, *flags: str) -> None:
    if sum(flag in call.query for flag in flags) > 1:
        raise Refused(400, f"Conflicting flags: {call.request.query_string}")


ROUTES: Routes = {"/v1/kv/": {"GET": get, "PUT": put, "DELETE": delete}, "/v1/txn": {"PUT": transact}}
