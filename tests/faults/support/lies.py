"""What a proxy, a load balancer or a half-dead server answers in Consul's place."""

from __future__ import annotations

import json

from tests.faults.support.proxy import Lie, Real, Request, Reset, Said, Silence, Trickle, http

JSON = {"Content-Type": "application/json"}
TEXT = {"Content-Type": "text/plain; charset=utf-8"}
HTML = {"Content-Type": "text/html"}


def _index(real: Real) -> dict[str, str]:
    return {"X-Consul-Index": real.header("X-Consul-Index") or "1"}


def _less(real: Real) -> bytes:
    """Return half of the pairs that the real server answered."""
    pairs: list[object] = json.loads(real.body) if real.status == 200 else []
    return json.dumps(pairs[::2]).encode()


def always(status: int, body: bytes, headers: dict[str, str]) -> Lie:
    """Say the same to everything."""
    return lambda _request, _real: http(status, body, headers)


def with_index(status: int, body: bytes, headers: dict[str, str] = JSON) -> Lie:
    """Say the same to everything, with the right index."""
    return lambda _request, real: http(status, body, {**headers, **_index(real)})


def partial(_request: Request, real: Real) -> Said:
    """Leave out keys, with the right index."""
    return http(200, _less(real), {**JSON, **_index(real)})


def partial_with_index(index: str | None) -> Lie:
    """Leave out keys, with another index or none."""

    def say(_request: Request, real: Real) -> Said:
        return http(200, _less(real), JSON if index is None else {**JSON, "X-Consul-Index": index})

    return say


def foreign(request: Request, real: Real) -> Said:
    """Answer with somebody else's key."""
    pair = {"Key": "somebody/else", "Value": "eA==", "ModifyIndex": 7, "CreateIndex": 7, "LockIndex": 0, "Flags": 0}
    return http(200, json.dumps([pair]).encode(), {**JSON, **_index(real)})


def torn(_request: Request, real: Real) -> Said:
    """Send JSON that ends in the middle, as if it were whole."""
    return http(200, real.body[: len(real.body) // 2], {**JSON, **_index(real)})


def cut(_request: Request, real: Real) -> Said:
    """Break off in the middle of the answer."""
    whole = http(200, real.body, {**JSON, **_index(real)})
    return Reset(whole[: len(whole) - len(real.body) // 2])


def reset(_request: Request, _real: Real) -> Said:
    """Break off before the answer."""
    return Reset()


def silence(_request: Request, _real: Real) -> Said:
    """Take the request and never answer."""
    return Silence()


def trickle(_request: Request, real: Real) -> Said:
    """Send a good answer so slowly that it never ends."""
    return Trickle(http(200, real.body, {**JSON, **_index(real)}))


def redirect(to: str) -> Lie:
    """Send everybody elsewhere."""
    return always(301, b'<a href="/">Moved</a>', {**HTML, "Location": to})
