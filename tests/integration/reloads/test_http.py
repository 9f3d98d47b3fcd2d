"""Reload by HTTP against a real server: what is sent, what counts as done, what is tried again, what is never said."""

import base64
import socket
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from syncd.core.errors import ReloadError
from syncd.reloads.http import HttpReload, Request
from tests.integration.reloads.conftest import Consumer
from tests.support.processes import free_port

TOKEN = "planted-t0ken"


def reload(url: str, *, retries: int = 0, timeout_s: float = 10.0, method: str = "POST", **fields: Any) -> HttpReload:
    """Return a reload of `app` by a request to `url`."""
    given = {"headers": {}, "files": {}, "status": (), **fields}
    return HttpReload("reload of app", Request(method, url, **given), retries, timeout_s)


async def refused(one: HttpReload) -> str:
    """Run a reload that fails and return its words; the traceback knows no secret either."""
    with pytest.raises(ReloadError) as raised:
        await one.run()
    assert TOKEN not in "".join(traceback.format_exception(raised.value))
    return str(raised.value)


async def test_the_request_is_sent_once_as_configured(consumer: Consumer) -> None:
    """Method, path, query and headers; any 2xx is done."""
    consumer.answer = lambda _: web.Response(status=204)
    await reload(f"{consumer.url}/-/reload?soft=1", method="PUT", headers={"X-Api-Key": TOKEN}, retries=5).run()
    ((method, path, headers),) = consumer.seen
    assert (method, path, headers["x-api-key"]) == ("PUT", "/-/reload?soft=1", TOKEN)
    assert headers["user-agent"].startswith("syncd/")


async def test_only_the_wanted_status_is_done(consumer: Consumer) -> None:
    """A list replaces the default, both ways."""
    consumer.answer = lambda _: web.Response(status=409, text="busy")
    await reload(consumer.url, status=(200, 409)).run()
    consumer.answer = lambda _: web.Response(status=202)
    words = await refused(reload(consumer.url, status=(200, 409), retries=5))
    assert words == f"reload of app failed: {consumer.url} answered 202, not 200 or 409"
    assert len(consumer.seen) == 2


async def test_what_may_work_later_is_sent_again(consumer: Consumer) -> None:
    """Two answers 503, then 200: done; one retry less: failed, with the server's last words."""
    answers: Iterator[int] = iter([503, 503, 200, 503, 429])
    consumer.answer = lambda _: web.Response(status=next(answers), text="warming up\nnot yet\n")
    await reload(consumer.url, retries=2).run()
    assert len(consumer.seen) == 3
    words = await refused(reload(consumer.url, retries=1))
    assert words == f"reload of app failed: {consumer.url} answered 429, not 2xx: warming up\nnot yet"
    assert len(consumer.seen) == 5


async def test_a_refusal_is_not_sent_again(consumer: Consumer) -> None:
    """400 says that the request is wrong; the next one would be as well."""
    consumer.answer = lambda _: web.Response(status=400, text="\n".join(f"line {at}" for at in range(100)))
    words = await refused(reload(consumer.url, retries=5))
    assert len(consumer.seen) == 1
    assert words.splitlines()[-1] == "line 99"
    assert len(words.splitlines()) == 20


async def test_nobody_there(consumer: Consumer) -> None:
    """No connection: tried again, then said in our words."""
    port = free_port()
    words = await refused(reload(f"http://127.0.0.1:{port}/r", retries=1))
    assert words.startswith(f"reload of app failed: http://127.0.0.1:{port}/r cannot be reached (")


async def test_no_answer_in_time(consumer: Consumer) -> None:
    """The timeout bounds all tries together; the last answer is said, or that there was none."""
    consumer.answer = lambda _: web.Response(status=503)
    words = await refused(reload(consumer.url, retries=10, timeout_s=0.5))
    assert words == f"reload of app failed, 0.5 s are over: {consumer.url} answered 503, not 2xx"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        words = await refused(reload(url, retries=10, timeout_s=0.3))
    assert words == f"reload of app failed, 0.3 s are over: {url} gave no answer"


async def test_a_redirect_is_not_followed(consumer: Consumer) -> None:
    """It would carry the header to whom nobody named."""
    consumer.answer = lambda _: web.Response(status=302, headers={"Location": "/elsewhere"})
    words = await refused(reload(f"{consumer.url}/r", headers={"Authorization": f"Bearer {TOKEN}"}))
    assert "answered 302" in words
    assert [path for _, path, _ in consumer.seen] == ["/r"]


async def test_a_server_that_quotes_the_request_tells_no_secret(consumer: Consumer) -> None:
    """Not the header, not its token, not what a Basic header encodes; nor the query of the URL."""
    password = "planted-passw0rd"
    basic = base64.b64encode(f"admin:{password}".encode()).decode()

    def quoting(request: web.Request) -> web.Response:
        given = "".join(f"{name}: {value}\n" for name, value in request.headers.items())
        return web.Response(status=401, text=f"{given}token {TOKEN}, user admin with {password}\x1b[31m")

    consumer.answer = quoting
    headers = {"X-Token": f"Bearer {TOKEN}", "Authorization": f"Basic {basic}"}
    words = await refused(reload(f"{consumer.url}/r?key=planted-query", headers=headers))
    assert "answered 401" in words
    assert "«X-Token»" in words
    for secret in (TOKEN, basic, password, "planted-query", "\x1b"):
        assert secret not in words


async def test_a_header_that_cannot_be_sent_is_not_quoted(consumer: Consumer) -> None:
    """A line break in a value would be a second header; the library's words would quote it."""
    words = await refused(reload(consumer.url, headers={"X-Token": f"{TOKEN}\r\nX-Evil: 1"}))
    assert words == f"reload of app failed: {consumer.url} was not asked: a header holds what cannot be sent"
    assert consumer.seen == []


async def test_a_header_file_is_read_before_every_request(consumer: Consumer, tmp_path: Path) -> None:
    """A replaced secret counts at once; one that is missing or empty is said by its path."""
    path = tmp_path / "key"
    path.write_text("first\n")
    one = reload(consumer.url, files={"X-Api-Key": path})
    await one.run()
    path.write_text(TOKEN)
    await one.run()
    assert [headers["x-api-key"] for _, _, headers in consumer.seen] == ["first", TOKEN]
    path.write_text("\n")
    assert f"headers_file {path} holds no value for X-Api-Key" in await refused(one)
    path.unlink()
    assert f"headers_file {path} cannot be read" in await refused(one)
    assert len(consumer.seen) == 2
