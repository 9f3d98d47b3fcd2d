"""Changes to one key of each of several programs in turn, and how long each takes to arrive."""

import http.client
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bench import probe
from bench.arrival import Arrivals

PAUSE_S = 0.03
"""Between two changes, so that one program has finished its work before the other gets its own."""


@dataclass
class Runner:
    """One program: its process, the key that is changed for it, the file in which that arrives."""

    pid: int
    key: str
    path: Path
    delays_s: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    """Of all its changes."""


def race(url: str, runners: Sequence[Runner], rounds: int, seen: Callable[[Runner], None] = lambda _: None) -> None:
    """Change one key of each runner in turn, `rounds` times, and fill in their `delays_s` and `cpu_s`.

    A delay runs from Consul's acknowledgement of the write until the new content is visible under the file's name.

    Args:
        seen: called after each change has arrived and its program is at rest again.
    """
    with Writer(url) as writer:
        for number in range(-2, rounds):  # two to warm up
            for runner in runners:
                time.sleep(PAUSE_S)
                token, before_s = f"token-{number + 2:06d}", probe.cpu_s(runner.pid)
                with Arrivals(runner.path) as arrivals:
                    begun = writer.put(runner.key, token)
                    delay_s = arrivals.wait(token.encode()) - begun
                time.sleep(PAUSE_S)
                if number >= 0:
                    runner.delays_s.append(delay_s)
                    runner.cpu_s += probe.cpu_s(runner.pid) - before_s
                    seen(runner)


class Writer:
    """Writes keys over one connection that stays open. Use it as a context manager."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def put(self, key: str, value: str) -> float:
        """Write one key; return the monotonic second at which Consul acknowledged it."""
        self._connection.request("PUT", f"/v1/kv/{key}", value)
        answer = self._connection.getresponse()
        body = answer.read()
        at = time.perf_counter()
        assert (answer.status, body.strip()) == (200, b"true"), f"{key}: {answer.status} {body[:200]!r}"
        return at
