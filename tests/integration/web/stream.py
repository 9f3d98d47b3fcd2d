"""A reader of server-sent events on the standard library."""

from __future__ import annotations

import http.client
import json
from types import TracebackType
from typing import Any


class Stream:
    """An open stream of events; closed with the block."""

    def __init__(self, port: int, *, timeout_s: float = 10) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
        self._connection.request("GET", "/api/v1/events")
        self._answer = self._connection.getresponse()
        self.status = self._answer.status
        self.headers = {name.lower(): value for name, value in self._answer.getheaders()}
        self.read = b""

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._answer.close()
        self._connection.close()

    def next(self) -> tuple[str, dict[str, Any]] | None:
        """Return the next event and its data, None where the stream ended; TimeoutError after a silence."""
        name = ""
        while line := self._answer.readline():
            self.read += line
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                return name, json.loads(value)
        return None

    def until(self, region: str, text: str) -> dict[str, Any]:
        """Return the data of the first event in which `region` has `text`."""
        while (event := self.next()) is not None:
            if text in event[1].get("regions", {}).get(region, ""):
                return event[1]
        raise AssertionError(f"the stream ended before {region} had {text!r}")
