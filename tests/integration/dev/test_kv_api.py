"""Workers KV by its REST API, on real workerd and on the embedded server."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from syncd.dev.kv_server.app import make_app
from syncd.dev.kv_server.store import KvNamespaces
from syncd.dev.storage import Storage

if TYPE_CHECKING:
    from tests.integration.dev.conftest import Namespace

EMPTY_BULK = {"successful_key_count": 0, "unsuccessful_keys": []}


def put(kv: Namespace, **pairs: Any) -> None:
    """Write pairs by one bulk."""
    kv.result("PUT", "bulk", [{"key": key, "value": value} for key, value in pairs.items()])


def value(kv: Namespace, key: str) -> bytes:
    """Read one value as it is."""
    answer = kv("GET", f"values/{quote(key, safe='')}")
    assert answer.status == 200, answer.text
    return answer.body


def test_bulk_put_is_listed_and_read(kv: Namespace) -> None:
    """Values, metadata, base64; the count comes back."""
    pairs = [
        {"key": "a/b", "value": "é", "metadata": {"o": "me", "mi": 7}},
        {"key": "raw", "value": base64.b64encode(b"\x00\xff").decode(), "base64": True},
        {"key": "empty", "value": ""},
    ]
    assert kv.result("PUT", "bulk", pairs) == {"successful_key_count": 3, "unsuccessful_keys": []}
    listed = kv.result("GET", "keys")
    assert listed == [{"name": "a/b", "metadata": {"o": "me", "mi": 7}}, {"name": "empty"}, {"name": "raw"}]
    assert (value(kv, "a/b"), value(kv, "raw"), value(kv, "empty")) == ("é".encode(), b"\x00\xff", b"")
    assert kv.result("GET", "metadata/a%2Fb") == {"o": "me", "mi": 7}
    assert kv.result("GET", "metadata/raw") is None


def test_a_write_without_metadata_takes_it_away(kv: Namespace) -> None:
    """The pair is replaced whole."""
    kv.result("PUT", "bulk", [{"key": "a", "value": "1", "metadata": {"o": "me"}}])
    put(kv, a="2")
    assert kv.result("GET", "keys") == [{"name": "a"}]


def test_pages(kv: Namespace) -> None:
    """A cursor goes on behind the last key, with the prefix, in the order of the bytes; it is empty at the end."""
    names = sorted([f"p/{number:02}" for number in range(23)] + ["p/é", "p/~", "q"], key=str.encode)
    put(kv, **dict.fromkeys(names, "x"))
    found: list[str] = []
    cursor, pages = "", 0
    while pages == 0 or cursor:
        answer = kv("GET", f"keys?limit=10&prefix=p%2F&cursor={quote(cursor)}").json()
        assert answer["result_info"]["count"] == len(answer["result"])
        found += [key["name"] for key in answer["result"]]
        cursor, pages = answer["result_info"]["cursor"], pages + 1
    assert found == [name for name in names if name.startswith("p/")]
    assert pages == 3


def test_an_exact_page_is_the_last(kv: Namespace) -> None:
    """Ten keys, ten per page: no cursor."""
    put(kv, **{f"k{number}": "x" for number in range(10)})
    assert kv("GET", "keys?limit=10").json()["result_info"] == {"count": 10, "cursor": ""}
    assert kv("GET", "keys?prefix=none").json()["result"] == []


def test_bulk_delete(kv: Namespace) -> None:
    """Also of what is not there."""
    put(kv, a="1", b="2")
    done = kv.result("POST", "bulk/delete", ["a", "none"])
    assert done == {"successful_key_count": 2, "unsuccessful_keys": []}
    assert kv.result("GET", "keys") == [{"name": "b"}]
    assert kv.result("POST", "bulk/delete", []) == kv.result("PUT", "bulk", []) == EMPTY_BULK


def test_bulk_get(kv: Namespace) -> None:
    """Text, JSON, with metadata; null for what is not there; at most 100 keys."""
    kv.result("PUT", "bulk", [{"key": "a", "value": '{"x":1}', "metadata": {"o": "me"}}, {"key": "e", "value": ""}])
    keys = ["a", "e", "none"]
    assert kv.result("POST", "bulk/get", {"keys": keys})["values"] == {"a": '{"x":1}', "e": "", "none": None}
    assert kv.result("POST", "bulk/get", {"keys": ["a"], "type": "json"})["values"] == {"a": {"x": 1}}
    told = kv.result("POST", "bulk/get", {"keys": ["a", "none"], "withMetadata": True})["values"]
    assert told == {"a": {"value": '{"x":1}', "metadata": {"o": "me"}}, "none": None}
    assert kv.code("POST", "bulk/get", {"keys": [str(number) for number in range(101)]}) == (400, 10029)


def test_single_values(kv: Namespace) -> None:
    """PUT, GET, DELETE of one key, with an odd name."""
    name = quote("a b/ü?#%", safe="")
    kv.result("PUT", f"values/{name}", b"\x00\xff")
    assert kv("GET", f"values/{name}").body == b"\x00\xff"
    assert kv.result("GET", "keys") == [{"name": "a b/ü?#%"}]
    kv.result("DELETE", f"values/{name}")
    kv.result("DELETE", f"values/{name}")
    assert kv.code("GET", f"values/{name}") == (404, 10009)
    assert kv.code("GET", f"metadata/{name}") == (404, 10009)


def test_a_form_carries_metadata(kv: Namespace) -> None:
    """As the SDK sends a single value."""
    parts = [b'form-data; name="value"\r\n\r\nhello', b'form-data; name="metadata"\r\n\r\n{"o": "me"}']
    body = b"".join(b"--X\r\nContent-Disposition: " + part + b"\r\n" for part in parts) + b"--X--\r\n"
    answer = kv("PUT", "values/a", body, **{"Content-Type": "multipart/form-data; boundary=X"})
    assert answer.json()["success"] is True
    assert (value(kv, "a"), kv.result("GET", "metadata/a")) == (b"hello", {"o": "me"})


@pytest.mark.parametrize(
    ("pair", "refusal"),
    [
        ({"key": "n" * 513, "value": ""}, (400, 10030)),
        ({"key": "é" * 257, "value": ""}, (400, 10030)),
        ({"key": "", "value": ""}, (400, 10029)),
        ({"key": ".", "value": ""}, (400, 10029)),
        ({"key": "..", "value": ""}, (400, 10029)),
        ({"key": "a", "value": 5}, (400, 10029)),
        ({"value": "x"}, (400, 10029)),
        ({"key": "good", "value": "another"}, (400, 10029)),
        ({"key": "m", "value": "", "metadata": {"x": "y" * 1024}}, (400, 10047)),
        ({"key": "t", "value": "", "expiration_ttl": 5}, (400, 10033)),
    ],
)
def test_one_wrong_pair_refuses_the_bulk(kv: Namespace, pair: dict[str, Any], refusal: tuple[int, int]) -> None:
    """With the code of the real API; nothing of it is written."""
    assert kv.code("PUT", "bulk", [{"key": "good", "value": "1"}, pair]) == refusal
    assert kv.result("GET", "keys") == []


def test_the_largest_that_is_taken(kv: Namespace) -> None:
    """A key of 512 bytes, metadata of 1,024 bytes, the same pair twice."""
    pair = {"key": "k" * 512, "value": "1", "metadata": "m" * 1022}
    assert kv.result("PUT", "bulk", [pair, pair])["successful_key_count"] == 2
    assert kv.result("GET", "keys") == [{"name": "k" * 512, "metadata": "m" * 1022}]


def test_wrong_requests(kv: Namespace) -> None:
    """Too many pairs, no list, no JSON, wrong limits, other methods and paths."""
    assert kv.code("PUT", "bulk", [{"key": "a", "value": "1"}] * 10_001) == (400, 10029)
    assert kv.code("PUT", "bulk", {"key": "a"}) == (400, 10029)
    assert kv.code("PUT", "bulk", b"x") == (400, 10029)
    assert kv.code("GET", "keys?limit=5") == (400, 10029)
    assert kv.code("GET", "keys?limit=1001") == (400, 10029)
    assert kv.code("PATCH", "keys")[0] == 405
    assert kv.code("GET", "nothing")[0] in (404, 405)


def test_a_token_is_needed(kv: Namespace) -> None:
    """None, an empty one, another scheme."""
    for header in ("", "Bearer ", "Basic abc"):
        assert kv.code("GET", "keys", Authorization=header) == (403, 10000)


async def test_a_namespace_that_is_not_there() -> None:
    """Where the embedded server is told which exist (workerd: tests/support_tests)."""
    from aiohttp.test_utils import TestClient, TestServer

    store = KvNamespaces(Storage(None), known=frozenset({"one"}))
    async with TestClient(TestServer(make_app(store))) as client:
        for namespace, status in (("one", 200), ("two", 404)):
            path = f"/client/v4/accounts/x/storage/kv/namespaces/{namespace}/keys"
            answer = await client.get(path, headers={"Authorization": "Bearer x"})
            assert answer.status == status
        assert (await answer.json())["errors"][0]["code"] == 10013
