"""Answers over real sockets: how much of a plan or a change a page shows, and who gets none of it."""

import re
from collections.abc import AsyncIterator

import aiohttp
import pytest

from syncd.core.history.model import HistoryChange, HistoryDetail, HistoryEntry
from syncd.core.model import Change, Plan
from syncd.web.page import SHOWN_LINES
from syncd.web.server import serve
from tests.support.processes import free_port
from tests.unit.web.test_streams import Nothing, well

MANY = 5_000
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


class Large(Nothing):
    """A daemon with a large plan, a large change and a large diff."""

    def __init__(self) -> None:
        super().__init__(well)

    async def plan(self, target: str) -> Plan | None:  # type: ignore[override]
        """`edge` has many pairs, `file` a long diff, `small` one pair."""
        changes = tuple(Change("create", f"k{number}", None, "d", None, "v") for number in range(MANY))
        if target == "file":
            return Plan(target, "template", changes[:1], diff="--- f\n+++ f\n" + "+line\n" * MANY)
        return Plan(target, "cloudflare_kv", changes[: 1 if target == "small" else MANY])

    def change(self, number: int) -> HistoryDetail:  # type: ignore[override]
        """Return many pairs."""
        entry = HistoryEntry(number, 1.0, "edge", "cloudflare_kv", "applied", 7, {"create": MANY}, False, None, None)
        changes = [HistoryChange("create", f"k{at}", None, "d", False, "") for at in range(MANY)]
        return HistoryDetail(entry, tuple(changes))


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """Return a client of a server that tells of `Large`."""
    port = free_port()
    async with (
        serve(("127.0.0.1", port), (), Large()),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        yield session


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("/plans/edge", "syncd plan --target edge"),
        ("/plans/file", "syncd plan --target file"),
        ("/changes/7", "syncd show 7"),
    ],
)
async def test_a_page_shows_so_many_lines_at_most(client: aiohttp.ClientSession, path: str, command: str) -> None:
    """How many more there are is said, and what shows them: a page that holds all would keep the event loop."""
    async with client.get(path) as answer:
        text = await answer.text()
    shown = re.findall(r'<span class="\w+">(.*)</span>', text)
    assert len(shown) == SHOWN_LINES + 1
    left = re.fullmatch(rf"… and ([\d,]+) lines more; {command} shows them all", shown[-1])
    assert left
    assert MANY < SHOWN_LINES + int(left[1].replace(",", "")) <= MANY + 4


async def test_a_small_plan_is_shown_whole(client: aiohttp.ClientSession) -> None:
    """Nothing is said of more."""
    async with client.get("/plans/small") as answer:
        assert "shows them all" not in await answer.text()


@pytest.mark.parametrize("path", ["/", "/plans/edge", "/changes/7", "/api/v1/status", "/api/v1/events"])
async def test_a_page_of_another_site_cannot_ask(client: aiohttp.ClientSession, path: str) -> None:
    """An image or a script that names our address gets nothing, and costs nothing; a link to a page may be followed."""
    sent = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    async with client.get(path, headers=sent) as refused:
        assert (refused.status, "another site" in await refused.text()) == (403, True)
    async with client.get(path, headers={**sent, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}) as framed:
        assert framed.status == 403
    for allowed in ({**sent, **NAVIGATION}, {**sent, "Sec-Fetch-Site": "same-origin"}, {}):
        async with client.get(path, headers=allowed) as answer:
            assert answer.status == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_health_and_metrics_are_for_everybody(client: aiohttp.ClientSession, path: str) -> None:
    """They show nothing of what is configured, and what asks for them may be anywhere."""
    async with client.get(path, headers={"Sec-Fetch-Site": "cross-site"}) as answer:
        assert answer.status == 200
