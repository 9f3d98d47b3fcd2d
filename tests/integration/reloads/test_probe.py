"""Probes against real servers: when one passes, when it fails, and what it says then."""

import socket
from collections.abc import Iterator
from itertools import chain, repeat

import pytest
from aiohttp import web

from syncd.core.errors import ReloadError
from syncd.reloads.http import Request
from syncd.reloads.probe import Port, Probe
from tests.integration.reloads.conftest import Consumer
from tests.support.processes import free_port


def probe(url: str, within_s: float = 10.0, status: tuple[int, ...] = ()) -> Probe:
    """Return a probe by HTTP."""
    return Probe("probe of app", Request("GET", url, {}, {}, status).send, within_s)


async def test_it_passes_when_it_worked_three_times_in_a_row(consumer: Consumer) -> None:
    """One good answer of the old state, just before it is gone, proves nothing."""
    answers: Iterator[int] = chain([200, 200, 502, 200], repeat(200))
    consumer.answer = lambda _: web.Response(status=next(answers))
    await probe(f"{consumer.url}/health").run()
    assert [(method, path) for method, path, _ in consumer.seen] == [("GET", "/health")] * 6


async def test_an_answer_that_is_not_the_wanted_one_fails(consumer: Consumer) -> None:
    """After the time given, with the last answer."""
    consumer.answer = lambda _: web.Response(status=502, text="no upstream")
    with pytest.raises(ReloadError) as raised:
        await probe(f"{consumer.url}/health?key=planted", 0.5).run()
    assert str(raised.value) == (
        f"probe of app failed for 0.5 s: {consumer.url}/health answered 502, not 2xx: no upstream"
    )
    await probe(consumer.url, status=(502,)).run()


async def test_a_port_that_takes_connections_passes() -> None:
    """And one where nobody listens fails."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        await Probe("probe of app", Port("127.0.0.1", port).connect, 10).run()
    port = free_port()
    with pytest.raises(ReloadError, match=rf"failed for 0\.3 s: 127\.0\.0\.1:{port} cannot be reached"):
        await Probe("probe of app", Port("127.0.0.1", port).connect, 0.3).run()


async def test_a_server_that_never_answers_fails() -> None:
    """It took the connection, and that is all."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ReloadError, match=r"failed for 0\.3 s: no answer"):
            await probe(url, 0.3).run()
