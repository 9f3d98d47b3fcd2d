"""Real refusals, and faults that Workers KV cannot be made to show, injected in front of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from syncd.core.errors import TargetError
from syncd.targets.cloudflare.target import CloudflareKv
from tests.support.kv_server import WorkersKV
from tests.unit.cloudflare import kit

MakeEdge = Callable[..., CloudflareKv]
BULK, DELETE, LIST = "PUT bulk", "POST bulk/delete", "GET keys"


async def failing(edge: CloudflareKv, **values: str) -> TargetError:
    """Run a pass that must fail; return its error."""
    with pytest.raises(TargetError) as caught:
        await kit.run_pass(edge, kit.view(values or {"a": "1"}))
    return caught.value


async def test_wrong_token(make_edge: MakeEdge) -> None:
    """A refused token is final, names code and words, and says which permission is needed; it is not shown."""
    error = await failing(make_edge(api_token="wr0ng-t0ken"))
    assert error.final
    assert str(error).startswith('edge: listing keys: HTTP 403, code 10000 "Authentication error": the API token was')
    assert "Account › Workers KV Storage › Edit" in str(error)
    assert "wr0ng" not in str(error)


async def test_wrong_namespace(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """An unknown namespace is final and both ids are named."""
    error = await failing(make_edge(namespace_id="nowhere"))
    assert error.final
    assert f"namespace nowhere not found in account {kv_namespace.account}" in str(error)


async def test_wrong_account(make_edge: MakeEdge) -> None:
    """An unknown account leads to account_id."""
    assert "account_id elsewhere" in str(await failing(make_edge(account_id="elsewhere")))


async def test_nobody_listens(make_edge: MakeEdge) -> None:
    """No connection is tried five times, and worth another try later."""
    error = await failing(make_edge(base_url="http://127.0.0.1:1/client/v4"))
    assert "edge: listing keys: no connection" in str(error)
    assert not error.final


@pytest.mark.parametrize("status", [408, 500, 502, 524])
async def test_unwell_then_well(make_edge: MakeEdge, kv_namespace: WorkersKV, status: int) -> None:
    """A bulk that is answered 408 or 5xx is sent again, at least a second later."""
    kv_namespace.fault(BULK, times=3, status=status, body="<html>error</html>")
    assert (await kit.run_pass(make_edge(), kit.view({"a": "1"}))).failed == {}
    assert len(kv_namespace.requests(BULK)) == 4
    assert kv_namespace.get("a") == b"1"


async def test_unwell_for_good(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """Five tries, then the error says what was answered."""
    kv_namespace.fault(LIST, times=-1, status=503, body="<html>down</html>")
    error = await failing(make_edge())
    assert "HTTP 503" in str(error)
    assert not error.final
    assert len(kv_namespace.requests(LIST)) == 5


@pytest.mark.parametrize("when", ["before", "after"])
async def test_connection_cut_in_a_bulk(
    make_edge: MakeEdge, kv_namespace: WorkersKV, clock: kit.FakeClock, when: str
) -> None:
    """Whether the bulk was carried out or not, it is repeated a second later, and all is there."""
    kv_namespace.fault(BULK, drop=when, skip=1)
    values = {f"k{number:04}": "v" for number in range(1_500)}
    assert (await kit.run_pass(make_edge(), kit.view(values))).failed == {}
    assert [call["status"] for call in kv_namespace.requests(BULK)] == [200, 0, 200]
    assert len(clock.slept) == 1
    assert clock.slept[0] >= 1.0
    assert kv_namespace.list().keys() == values.keys()


async def test_unsuccessful_keys_are_sent_again(
    make_edge: MakeEdge, kv_namespace: WorkersKV, clock: kit.FakeClock
) -> None:
    """Keys that a bulk reports as unsuccessful, twice, are sent again alone, a second apart."""
    kv_namespace.fault(BULK, times=2, unsuccessful_keys=["b"])
    done = await kit.run_pass(make_edge(), kit.view({"a": "1", "b": "2", "c": "3"}))
    assert done.failed == {}
    assert [call["keys"] for call in kv_namespace.requests(BULK)] == [["a", "b", "c"], ["b"], ["b"]]
    assert kv_namespace.get("b") == b"2"
    assert clock.slept == [pytest.approx(1.05)] * 2


async def test_unsuccessful_for_good_is_told_per_key(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """A key that is never stored is the only one that fails; deletes still happen."""
    await kit.run_pass(make_edge(), kit.view({"old": "1"}))
    kv_namespace.fault(BULK, times=-1, unsuccessful_keys=["b"])
    done = await kit.run_pass(make_edge(), kit.view({"a": "1", "b": "2"}))
    assert done.failed == {"b": "Workers KV has not written it in 4 tries"}
    assert list(kv_namespace.list()) == ["a"]
    again = await kit.run_pass(make_edge(), kit.view({"a": "1", "b": "2"}), apply=False)
    assert [change.key for change in again.plan.changes] == ["b"]


async def test_unsuccessful_deletes(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """Deletes have unsuccessful keys too."""
    await kit.run_pass(make_edge(), kit.view({"a": "1", "b": "2"}))
    kv_namespace.fault(DELETE, times=-1, unsuccessful_keys=["b"])
    done = await kit.run_pass(make_edge(), kit.view({}))
    assert done.failed == {"b": "Workers KV has not deleted it in 4 tries"}


async def test_rate_limit_that_fits(make_edge: MakeEdge, kv_namespace: WorkersKV, clock: kit.FakeClock) -> None:
    """A Retry-After that fits the time given is waited out in full, beyond what the SDK would."""
    body = {"success": False, "errors": [{"code": 971, "message": "rate limited"}], "messages": [], "result": None}
    kv_namespace.fault(LIST, status=429, headers={"retry-after": "290"}, body=body)
    edge = make_edge()
    await edge.read(edge.desired(kit.view({}), kit.view({})), within_s=300)
    assert clock.slept == [290.0]


async def test_rate_limit_that_does_not_fit(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """A longer one is the caller's to wait for; until then the token is not used, whoever asks."""
    kv_namespace.fault(BULK, times=-1, status=429, headers={"retry-after": "300"}, body="slow down")
    edge = make_edge()
    error = await failing(edge)
    assert error.retry_after_s == 300
    assert not error.final
    assert "it must wait 300 s" in str(error)
    assert len(kv_namespace.requests(BULK)) == 1
    calls = len(kv_namespace.requests())
    other = make_edge(key_prefix="other/", shared=edge._shared)
    error = await failing(other)
    assert error.retry_after_s == pytest.approx(300)
    assert "the API token may not be used for another 300 s" in str(error)
    assert len(kv_namespace.requests()) == calls


async def test_daily_limit(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """Code 10048 is not tried again; the error says until when, and gives the seconds to midnight UTC."""
    body = {
        "success": False,
        "errors": [{"code": 10048, "message": "free usage limit"}],
        "messages": [],
        "result": None,
    }
    kv_namespace.fault(BULK, times=-1, status=429, headers={"retry-after": "1"}, body=body)
    error = await failing(make_edge())
    assert error.retry_after_s == 4 * 3600
    assert "00:00 UTC" in str(error)
    assert len(kv_namespace.requests(BULK)) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"body": {"success": False, "errors": [{"code": 10001, "message": "odd"}], "result": None}}, "success: false"),
        (
            {"body": "<html>portal</html>", "headers": {"content-type": "text/html"}},
            "HTTP 200 with text/html, which is",
        ),
        ({"body": "null"}, "not an answer of Cloudflare's API"),
        ({"body": "[]"}, "not an answer of Cloudflare's API"),
        ({"body": ""}, "not an answer of Cloudflare's API"),
        ({"body": {"result": []}}, "not an answer of Cloudflare's API"),
        ({"status": 302, "headers": {"location": "https://elsewhere.invalid/"}}, "redirects are not followed"),
    ],
)
async def test_answers_that_are_not_success(
    make_edge: MakeEdge, kv_namespace: WorkersKV, answer: dict[str, Any], words: str
) -> None:
    """Nothing of this kind is taken for an empty namespace, nor for a bulk that was carried out."""
    await kit.run_pass(make_edge(), kit.view({"a": "1"}))
    kv_namespace.fault(LIST, **answer)
    assert words in str(await failing(make_edge()))
    kv_namespace.fault(BULK, **answer)
    assert words in str(await failing(make_edge(), a="2"))
    assert kv_namespace.get("a") == b"1"


@pytest.mark.parametrize(("status", "code"), [(400, 10029), (401, 10000), (403, 10000), (413, 0), (414, 0)])
async def test_final_refusals(make_edge: MakeEdge, kv_namespace: WorkersKV, status: int, code: int) -> None:
    """These are not tried again, and final until the configuration changes."""
    body = {"success": False, "errors": [{"code": code, "message": "no"}], "messages": [], "result": None}
    kv_namespace.fault(BULK, times=-1, status=status, body=body)
    error = await failing(make_edge())
    assert error.final
    assert f'HTTP {status}, code {code} "no"' in str(error)
    assert len(kv_namespace.requests(BULK)) == 1


async def test_error_says_what_was_done_before(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """An error in a later bulk says how many changes were made; the next pass does the rest."""
    kv_namespace.fault(BULK, skip=1, status=413, body="too large")
    values = {f"k{number:04}": "v" for number in range(1_200)}
    error = await failing(make_edge(), **values)
    assert str(error).endswith("; 1,000 of 1,200 changes were made before")
    rest = await kit.run_pass(make_edge(), kit.view(values))
    assert len(rest.plan.changes) == 200


async def test_empty_page_is_not_the_end(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """Empty pages with a cursor are read past."""
    values = {f"k{number:04}": "v" for number in range(1_200)}
    await kit.run_pass(make_edge(), kit.view(values))
    kv_namespace.fault(LIST, times=1, empty_page=True)
    kv_namespace.fault(LIST, times=1, skip=2, empty_page=True)
    assert (await kit.run_pass(make_edge(), kit.view(values))).plan.in_sync
    assert sum(call["faulted"] for call in kv_namespace.requests(LIST)) == 2


async def test_cursor_that_never_ends(make_edge: MakeEdge, kv_namespace: WorkersKV) -> None:
    """A cursor that comes back is an error, not an endless loop."""
    body = {"success": True, "errors": [], "messages": [], "result": [], "result_info": {"count": 0, "cursor": "again"}}
    kv_namespace.fault(LIST, times=-1, body=body)
    assert "the same cursor came twice" in str(await failing(make_edge()))


async def test_stale_list(make_edge: MakeEdge, kv_namespace: WorkersKV, clock: kit.FakeClock) -> None:
    """For two minutes our own acknowledged writes and deletes count more than a list that does not show them."""
    edge = make_edge()
    await kit.run_pass(edge, kit.view({"a": "1", "gone": "1"}))
    kv_namespace.fault(LIST, times=-1, stale=True)
    await kit.run_pass(edge, kit.view({"a": "2", "new": "1"}))
    later = await kit.run_pass(edge, kit.view({"a": "2", "new": "1"}))
    assert later.plan.in_sync
    clock.at += 121
    late = await kit.run_pass(edge, kit.view({"a": "2", "new": "1"}), apply=False)
    assert [(change.op, change.key) for change in late.plan.changes] == [
        ("update", "a"),
        ("create", "new"),
        ("delete", "gone"),
    ]


async def test_one_key_is_written_once_a_second(make_edge: MakeEdge, clock: kit.FakeClock) -> None:
    """Two passes in a moment: the second waits for the key it writes again, and only for that."""
    edge = make_edge()
    await kit.run_pass(edge, kit.view({"a": "1"}))
    await kit.run_pass(edge, kit.view({"a": "1", "b": "1"}))
    assert clock.slept == []
    await kit.run_pass(edge, kit.view({"a": "2", "b": "1"}))
    assert clock.slept == [pytest.approx(1.05)]


async def test_environment_changes_nothing(
    make_edge: MakeEdge, kv_namespace: WorkersKV, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the SDK's variables nor proxies replace what the config file says."""
    for name in ("API_TOKEN", "API_KEY", "EMAIL", "API_USER_SERVICE_KEY"):
        monkeypatch.setenv(f"CLOUDFLARE_{name}", "someone@else.invalid")
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("CLOUDFLARE_CUSTOM_HEADERS", "Authorization: Bearer other\nX-Odd: 1")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await kit.run_pass(make_edge(), kit.view({"a": "1"}))).failed == {}
    assert kv_namespace.get("a") == b"1"


async def test_debug_log_holds_no_value(make_edge: MakeEdge, caplog: pytest.LogCaptureFixture) -> None:
    """At debug level neither values nor the token are logged, though the SDK would log bodies."""
    caplog.set_level(logging.DEBUG)
    edge = make_edge(allow_sensitive=True)
    await kit.run_pass(edge, kit.view({"secrets/db": "hunter2-hunter2"}, "secrets/db"))
    assert "hunter2" not in caplog.text
    assert "kv-test-token" not in caplog.text
