"""What answers and is not Consul: never taken for an empty source."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from syncd.consul import transport
from syncd.core.errors import NotConsul, SourceDenied, SourceUnavailable
from syncd.core.model import Need, Presence
from syncd.core.snapshot import HiddenKey, View
from syncd.sources import patience
from tests.integration.consul.kit import folders, keys, opened, values
from tests.support.liar import Liar, answer

EVERYTHING = [keys("c/a"), folders("c/"), frozenset({Need("service", "web")}), frozenset({Need("catalog")})]
PAIR = {"Key": "c/a", "ModifyIndex": 5, "Value": "dg=="}
LIES = {
    "HTML with 200": answer(200, "<html>hello</html>", kind="text/html"),
    "JSON without an index": answer(200, json.dumps([PAIR]), index=None),
    "a redirect": answer(301, more="Location: http://127.0.0.1:1/\r\n"),
    "404 without an index": answer(404, index=None),
    "404 with an index and HTML where it cannot be": answer(418),
    "null": answer(200, "null"),
    "truncated JSON": answer(200, '[{"Key":'),
    "a value that is not base64": answer(200, json.dumps([PAIR | {"Value": "%%"}])),
    "another key": answer(200, json.dumps([PAIR | {"Key": "d/a"}])),
    "a number": answer(200, "5"),
    "no HTTP": b"-ERR unknown command\r\n\r\n",
    **{
        f"index {index}": answer(200, json.dumps([PAIR]), index=index)
        for index in ("0", "-1", "x", "1.5", "", "9" * 20, "²", "1_0")
    },
}


@pytest.fixture(autouse=True)
def no_patience_with_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Believe the first answer to be final."""
    monkeypatch.setattr(patience, "LIES_S", 0)


@pytest.mark.parametrize("needs", EVERYTHING, ids=["key", "folder", "service", "catalog"])
@pytest.mark.parametrize("lie", LIES)
async def test_lies_are_not_believed(lie: str, needs: frozenset[Need]) -> None:
    """One line that names the address and what was seen; a key is not gone because of it."""
    async with Liar(lambda *_: LIES[lie]) as liar, opened(liar.url) as source:
        with pytest.raises(NotConsul) as caught:
            await source.read(needs)
        assert await source.confirm(["c/a"]) == {"c/a": Presence.UNKNOWN}
    assert str(caught.value).startswith(f"{liar.url}/v1/")
    assert "\n" not in str(caught.value)


async def test_an_empty_list_of_keys_is_a_lie() -> None:
    """Consul answers 404 where a folder has no keys; no instance of a service is an empty list, though."""
    async with Liar(lambda *_: answer(200, "[]")) as liar, opened(liar.url) as source:
        for needs in (keys("c/a"), folders("c/")):
            with pytest.raises(NotConsul):
                await source.read(needs)
        assert (await source.read(frozenset({Need("service", "web")}))).services == {"web": ()}


async def test_a_redirect_is_not_followed() -> None:
    """The token would go with it."""
    async with Liar(lambda *_: answer(200, "[]")) as elsewhere:
        lie = answer(307, more=f"Location: {elsewhere.url}/v1/kv/a\r\n")
        async with Liar(lambda *_: lie) as liar, opened(liar.url, token="secret-token") as source:
            with pytest.raises(NotConsul, match="a redirect, which is never followed") as caught:
                await source.read(keys("a"))
    assert "X-Consul-Token: secret-token" in liar.requests[0]
    assert not elsewhere.requests
    assert "secret-token" not in str(caught.value)


async def test_what_is_asked() -> None:
    """Consistent, uncompressed, no token where there is none, and everything through one connection at most two."""
    async with Liar(lambda *_: answer(404)) as liar, opened(liar.url, datacenter="dc 1") as source:
        await source.read(keys("c/a b") | folders("d/"))
    single, folder = sorted(liar.requests)
    assert single.startswith("GET /v1/kv/c/a%20b?dc=dc+1&consistent=1 HTTP/1.1")
    assert folder.startswith("GET /v1/kv/d/?recurse=1&dc=dc+1&consistent=1 HTTP/1.1")
    assert "Accept-Encoding: identity" in single
    assert "X-Consul-Token" not in single


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_an_overloaded_or_leaderless_consul_is_asked_again(status: int) -> None:
    """By class, whatever the text says."""
    script: Iterator[bytes] = iter([answer(status, "No cluster leader", kind="text/plain", index=None)] * 3)
    async with Liar(lambda *_: next(script, answer(200, json.dumps([PAIR])))) as liar, opened(liar.url) as source:
        assert values(await source.read(keys("c/a"))) == {"c/a": b"v"}
    assert len(liar.requests) == 4


async def test_an_outage_that_lasts() -> None:
    """The last failure is told, with Consul's own words where they are plain."""
    lie = answer(500, "No cluster leader", kind="text/plain", index=None)
    async with Liar(lambda *_: lie) as liar, opened(liar.url, timeout_s=0.4) as source:
        with pytest.raises(SourceUnavailable, match=r"answered 500 \(No cluster leader\) \(tried \d+ times in "):
            await source.read(keys("a"))


async def test_a_server_that_trickles(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline is for the whole answer, not for each byte."""
    monkeypatch.setattr(transport, "READ_TIMEOUT_S", 0.2)
    trickle = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Consul-Index: 7\r\nContent-Length: 99999\r\n\r\n["
    )
    async with Liar(lambda *_: trickle) as liar, opened(liar.url, timeout_s=1) as source:
        with pytest.raises(SourceUnavailable, match=r"did not answer within 0\.2 s"):
            await source.read(keys("a"))


async def test_an_answer_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up, not kept in memory."""
    monkeypatch.setattr(transport, "MAX_BODY_BYTES", 1 << 20)
    async with Liar(lambda *_: answer(200, " " * (2 << 20))) as liar, opened(liar.url) as source:
        with pytest.raises(NotConsul, match="more than 1 MiB"):
            await source.read(keys("a"))


async def test_a_connection_that_breaks() -> None:
    """It is tried again."""
    script = iter([b"", b""])
    async with Liar(lambda *_: next(script, answer(200, json.dumps([PAIR])))) as liar, opened(liar.url) as source:
        assert values(await source.read(keys("c/a"))) == {"c/a": b"v"}


async def test_a_proxy_that_lets_no_transaction_through() -> None:
    """Then keys are proved one by one."""

    def say(method: str, path: str) -> bytes:
        return answer(405, index=None) if method == "PUT" else answer(404)

    async with Liar(say) as liar, opened(liar.url) as source:
        assert await source.confirm(["a", "b"]) == {"a": Presence.GONE, "b": Presence.GONE}


@pytest.mark.parametrize(
    ("what", "presence"),
    [('key "a" doesn\'t exist', Presence.GONE), ("Permission denied", Presence.HIDDEN), ("x", Presence.HIDDEN)],
)
async def test_a_transaction_proves_only_what_it_says(what: str, presence: Presence) -> None:
    """Newer versions name a hidden key as an error; only the word that it does not exist is a proof."""
    said = answer(409, json.dumps({"Results": None, "Errors": [{"OpIndex": 0, "What": what}]}), index=None)
    denied = answer(403, "Permission denied", kind="text/plain", index=None)
    async with Liar(lambda method, _: said if method == "PUT" else denied) as liar, opened(liar.url) as source:
        assert await source.confirm(["a"]) == {"a": presence}


async def test_a_filtered_transaction_proves_nothing() -> None:
    """Consul 1.11 and newer say that something was left out."""
    body = json.dumps({"Results": None, "Errors": [{"OpIndex": 0, "What": 'key "a" doesn\'t exist'}]})
    said = answer(409, body, index=None, more="X-Consul-Results-Filtered-By-ACLs: true\r\n")
    denied = answer(403, "Permission denied", kind="text/plain", index=None)
    async with Liar(lambda method, _: said if method == "PUT" else denied) as liar, opened(liar.url) as source:
        assert await source.confirm(["a"]) == {"a": Presence.HIDDEN}


async def test_a_proxy_that_denies_everything() -> None:
    """401 is the token's fault as a whole; 403 is a matter of each path, and hides it."""
    async with Liar(lambda *_: answer(401, index=None)) as liar, opened(liar.url) as source:
        with pytest.raises(SourceDenied, match=r"check consul\.token"):
            await source.read(keys("a"))
    script = {"/v1/kv/a": answer(403, index=None)}

    def say(method: str, path: str) -> bytes:
        return script.get(path.partition("?")[0], answer(200, json.dumps([PAIR | {"Key": "b"}])))

    async with Liar(say) as liar, opened(liar.url) as source:
        snapshot = await source.read(keys("a", "b"))
    with pytest.raises(HiddenKey):
        View(snapshot).item("a")


async def test_a_dead_consul_is_not_asked_for_every_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Confirming stops at the first key that nobody answers for."""
    async with Liar(lambda *_: answer(500, index=None)) as liar, opened(liar.url) as source:
        said = await source.confirm([f"k{number}" for number in range(1000)])
    assert set(said.values()) == {Presence.UNKNOWN}
    assert len(said) == 1000
    assert len(liar.requests) < 50


async def test_at_most_two_connections() -> None:
    """However many keys are needed."""
    async with Liar(lambda *_: answer(404)) as liar, opened(liar.url) as source:
        await source.read(keys(*(f"s{number}/x" for number in range(200))))
        assert len([one for one in liar.requests if one.startswith("GET ")]) == 200
        assert liar.connections <= 2
    await asyncio.sleep(0)
