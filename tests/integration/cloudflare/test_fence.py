"""A request whose body is not complete changes nothing: the check holds in the middle of one, too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from syncd.core.errors import Fenced
from syncd.core.model import Change, Entry
from syncd.targets.cloudflare.target import CloudflareKv
from tests.support.kv_server import WorkersKV

PIECES = 4
"""Of the body, 64 KiB each; the check stands before the request and before each of them."""


@pytest.mark.parametrize("lets", range(PIECES))
async def test_a_push_that_is_cut_writes_nothing(
    kv_namespace: WorkersKV, make_edge: Callable[..., CloudflareKv], lets: int
) -> None:
    """However many pieces of it went out."""
    edge = make_edge()
    left = lets

    def fence() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Fenced("another instance writes")

    entry = Entry("k", "d", b"x" * (PIECES * 64 * 1024))
    change = Change("create", "k", None, "d", entry=entry)
    with pytest.raises(Fenced):
        await edge.apply([change], lambda *_: None, fence=fence)
    assert kv_namespace.get("k") is None
    assert await edge.apply([change], lambda *_: None) == {}
    assert kv_namespace.get("k") == entry.content
