"""What each address answers."""

import time

from aiohttp import web

from syncd.core.history.lines import detail_lines
from syncd.core.printable import printable
from syncd.core.report.lines import target_lines
from syncd.core.report.model import TargetResult
from syncd.web import page
from syncd.web.status_json import document
from syncd.web.told import Told


class Answers:
    """The answers of one daemon; `Streams` has those that do not end."""

    def __init__(self, told: Told) -> None:
        self._told = told

    async def healthz(self, _request: web.Request) -> web.Response:
        """The event loop turns."""
        return web.Response(text="ok\n")

    async def readyz(self, _request: web.Request) -> web.Response:
        """200 where every target is in sync and fresh, else 503 with the reasons."""
        status = self._told.status()
        reasons = status.not_ready(time.time())
        said = [*(reasons or ["ready"]), *status.remarks()]
        lines = [printable(line) for text in said for line in text.split("\n")]
        return web.Response(text="\n".join(lines) + "\n", status=503 if reasons else 200)

    async def metrics(self, _request: web.Request) -> web.Response:
        """Prometheus' text format."""
        body, content_type = self._told.metrics()
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def status(self, _request: web.Request) -> web.Response:
        """The status as JSON."""
        return web.json_response(document(self._told.status(), time.time()))

    async def root(self, _request: web.Request) -> web.Response:
        """The status page."""
        return _html(page.whole(self._told.status(), self._told.history(), time.time()))

    async def plan(self, request: web.Request) -> web.Response:
        """What would change in a target that is not in sync."""
        name = request.match_info["target"]
        found = await self._told.plan(name)
        if found is None:
            raise web.HTTPNotFound(text=f"{name}: no such target, or it is in sync, or it could not be planned\n")
        lines = target_lines(TargetResult(found))
        return _html(page.alone(f"{name}: what would change", lines, f"syncd plan --target {name}"))

    async def change(self, request: web.Request) -> web.Response:
        """One change of the history."""
        number = int(request.match_info["number"])
        found = self._told.change(number)
        if found is None:
            newest = next((one.id for one in self._told.history()), 0)
            words = "this change is not kept any more" if 0 < number < newest else "there is no such change"
            raise web.HTTPNotFound(text=f"{words}\n")
        return _html(page.alone(f"Change {number}", detail_lines(found), f"syncd show {number}"))


def _html(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html")
