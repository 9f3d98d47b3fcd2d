"""The proof before a delete: how long it may take, and what counts where two answers differ."""

import json

from syncd.core.model import Presence
from tests.integration.consul.kit import opened
from tests.support.consul import ConsulServer
from tests.support.liar import Liar, answer


async def test_a_source_that_is_old_can_still_prove(consul_server: ConsulServer, consul_prefix: str) -> None:
    """The deadline of one command is over; a daemon gives every proof its own time."""
    async with opened(consul_server, consul_prefix, timeout_s=0) as source:
        assert await source.confirm(["gone"]) == {"gone": Presence.UNKNOWN}
        assert await source.confirm(["gone"], within_s=5) == {"gone": Presence.GONE}


async def test_what_a_transaction_shows_is_there() -> None:
    """Whatever is said where the key's own URL is read: something in between may answer for Consul."""
    pair = {"LockIndex": 0, "Key": "a", "Flags": 0, "Value": "eA==", "CreateIndex": 3, "ModifyIndex": 4}

    def say(method: str, path: str) -> bytes:
        return (
            answer(200, json.dumps({"Results": [{"KV": pair}], "Errors": None}), index=None)
            if method == "PUT"
            else answer(404)
        )

    async with Liar(say) as liar, opened(liar.url) as source:
        assert await source.confirm(["a"]) == {"a": Presence.PRESENT}


async def test_one_missing_key_does_not_hide_another(consul_server: ConsulServer, consul_prefix: str) -> None:
    """A transaction with a missing key shows none of the others: they are asked for again."""
    consul_server.put(consul_prefix + "there", "1")
    async with opened(consul_server, consul_prefix) as source:
        said = await source.confirm(["gone", "there"])
    assert said == {"gone": Presence.GONE, "there": Presence.PRESENT}
