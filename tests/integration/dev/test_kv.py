"""Keys: what is written is read, in all forms, on both servers."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from tests.integration.dev.conftest import Consul


def test_a_key_comes_back(consul: Consul) -> None:
    """Value in base64, flags, indexes; the same index in the header; the leader is known."""
    assert consul.put("a", b"\x00\xff", "flags=7")
    answer = consul.get("a")
    [entry] = answer.json()
    assert entry == {
        "Key": f"{consul.prefix}a",
        "Value": base64.b64encode(b"\x00\xff").decode(),
        "Flags": 7,
        "LockIndex": 0,
        "CreateIndex": entry["ModifyIndex"],
        "ModifyIndex": int(answer.headers["x-consul-index"]),
    }
    assert answer.headers["x-consul-knownleader"] == "true"
    assert answer.headers["x-consul-lastcontact"] == "0"
    assert answer.headers["content-type"] == "application/json"


def test_raw_is_the_bare_value(consul: Consul) -> None:
    """?raw gives bytes as they are, with an index."""
    consul.put("a", b"\x00\xff")
    answer = consul.get("a", "raw")
    assert (answer.body, int(answer.headers["x-consul-index"])) == (b"\x00\xff", consul.entry("a")["ModifyIndex"])
    assert consul.get("none", "raw").status == 404


def test_an_empty_value_is_null(consul: Consul) -> None:
    """As Consul shows it."""
    consul.put("empty")
    assert consul.entry("empty")["Value"] is None
    assert consul.get("empty", "raw").body == b""


def test_a_missing_key_is_404_with_an_index(consul: Consul) -> None:
    """One key, a prefix, names: no body, and an index of at least 1 to wait with."""
    for query in ("", "recurse", "keys", "recurse&consistent", "stale"):
        answer = consul.get("none", query)
        assert (answer.status, answer.body) == (404, b"")
        assert int(answer.headers["x-consul-index"]) >= 1


def test_recurse_is_a_prefix_of_the_name(consul: Consul) -> None:
    """`w` matches `w/…` and `w2/…`, in the order of the bytes."""
    for key in ("w/b", "w/a/é", "w2/a", "v", "w/a/~", "w/a"):
        consul.put(key)
    names = [entry["Key"].removeprefix(consul.prefix) for entry in consul.get("w", "recurse").json()]
    assert names == ["w/a", "w/a/~", "w/a/é", "w/b", "w2/a"]


def test_keys_are_cut_at_the_separator(consul: Consul) -> None:
    """Folders once, each with its separator; another separator; none."""
    for key in ("a", "b/1", "b/2", "b/c/3", "d--e--f"):
        consul.put(key)

    def names(query: str) -> list[str]:
        return [key.removeprefix(consul.prefix) for key in consul.get("", query).json()]

    assert names("keys") == ["a", "b/1", "b/2", "b/c/3", "d--e--f"]
    assert names("keys&separator=/") == ["a", "b/", "d--e--f"]
    assert names("keys&separator=--") == ["a", "b/1", "b/2", "b/c/3", "d--"]


def test_cas_writes_only_on_what_was_seen(consul: Consul) -> None:
    """0 = only if it does not exist; a stale index answers false and changes nothing."""
    assert consul.put("a", b"1", "cas=0")
    seen = consul.entry("a")["ModifyIndex"]
    assert not consul.put("a", b"2", "cas=0")
    assert consul.put("a", b"2", f"cas={seen}")
    assert not consul.put("a", b"3", f"cas={seen}")
    assert consul.get("a", "raw").body == b"2"
    assert not consul.delete("a", f"cas={seen}")
    assert consul.delete("a", f"cas={consul.entry('a')['ModifyIndex']}")
    assert consul.delete("a", f"cas={seen}")
    assert not consul.put("none", b"", "cas=5")


def test_delete_and_delete_tree(consul: Consul) -> None:
    """A key, a prefix, and what is not there: always true."""
    for key in ("a", "b/1", "b/2", "b2"):
        consul.put(key)
    assert consul.delete("a")
    assert consul.delete("a")
    assert consul.delete("b/", "recurse")
    assert consul.delete("never/", "recurse")
    assert [entry["Key"] for entry in consul.get("", "recurse").json()] == [f"{consul.prefix}b2"]


@pytest.mark.parametrize("key", ["a b", "ü/ß", "100%", "a+b", "q?x=1", "h#x", 'quote"s', "end/", "…", "😀", ":"])
def test_odd_keys(consul: Consul, key: str) -> None:
    """They are written, read and listed under their own name."""
    assert consul.put(quote(key, safe=""), b"1")
    assert consul.entry(quote(key, safe=""))["Key"] == consul.prefix + key
    assert consul.get("", "keys").json() == [consul.prefix + key]


@pytest.mark.parametrize("key", ["a//b", "./a", "a/../b", "a/.", "%2e%2e/a", "a%2F%2Fb"])
def test_keys_that_are_sent_elsewhere(consul: Consul, key: str) -> None:
    """//, . and .. answer 301 to every method, and nothing is written."""
    for method in ("GET", "PUT", "DELETE"):
        answer = consul.http(method, f"/v1/kv/{consul.prefix}{key}", b"1" if method == "PUT" else None)
        assert answer.status == 301
        assert answer.headers["location"].startswith("/v1/kv/")
    assert consul.get("", "keys").status == 404


def test_a_leading_slash_is_sent_elsewhere(consul: Consul) -> None:
    """The same for /v1/kv//key, and for /v1/kv itself."""
    assert consul.http("GET", f"/v1/kv//{consul.prefix}a").headers["location"] == f"/v1/kv/{consul.prefix}a"
    assert consul.http("GET", "/v1/kv").status == 301


def test_keys_that_cannot_be_printed(consul: Consul) -> None:
    """A control character answers 400."""
    for key in ("tab%09x", "nul%00x", "line%0a"):
        assert consul.refused("PUT", f"kv/{consul.prefix}{key}", b"")[0] == 400


def test_a_value_may_have_512_kib(consul: Consul) -> None:
    """One byte more is 413."""
    assert consul.put("big", b"x" * 524_288)
    assert len(consul.get("big", "raw").body) == 524_288
    assert consul.http("PUT", f"/v1/kv/{consul.prefix}big2", b"x" * 524_289).status == 413
    assert consul.get("big2").status == 404


def test_wrong_requests(consul: Consul) -> None:
    """Each is refused with Consul's status."""
    path = f"kv/{consul.prefix}a"
    assert consul.refused("GET", "kv/")[0] == 400
    assert consul.refused("PUT", "kv/", b"")[0] == 400
    assert consul.refused("DELETE", "kv/")[0] == 400
    assert consul.refused("POST", path, b"")[0] == 405
    assert consul.refused("PUT", f"{path}?flags=x", b"")[0] == 500
    assert consul.refused("PUT", f"{path}?cas=x", b"")[0] == 500
    assert consul.refused("PUT", f"{path}?cas=1&acquire=x", b"")[0] == 400
    assert consul.refused("DELETE", f"{path}?cas=1&recurse")[0] == 400
    for query in ("stale&consistent", "index=x", "index=-1", "wait=x", "wait=5"):
        assert consul.refused("GET", f"{path}?{query}")[0] == 400
    assert consul.refused("GET", "nothing/here")[0] == 404


def test_who_answers(consul: Consul) -> None:
    """The leader is named, the agent says a version, every token is taken."""
    assert ":" in consul.api("GET", "status/leader").json()
    assert consul.api("GET", "agent/self").json()["Config"]["Version"].startswith("1.8")
    assert consul.http("GET", f"/v1/kv/{consul.prefix}x", headers={"X-Consul-Token": "made up"}).status in (403, 404)
