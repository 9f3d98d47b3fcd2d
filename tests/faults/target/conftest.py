"""Worlds whose Workers KV may be made to fail: a shared one as it is shipped, and one for each protection taken out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.target.kit import World, edge, template
from tests.support.kv_server import KVServer, WorkersKV

KEYS = {
    "config/domains/api": "https://api.example.com",
    "config/domains/web": "https://www.example.com",
    "config/domains/www": "https://w.example.com",
    "services/app/url": "http://127.0.0.1:9",
}
THEIRS, BARE = "config/domains/theirs", "config/domains/bare"


class EdgeWorld(World):
    """A namespace that holds pairs of others too, and a file beside it that no fault of the API may concern."""

    def __init__(self, folder: Path, kv: WorkersKV, **more: Any) -> None:
        self.kv = kv
        kv.put(THEIRS, "theirs", {"o": "somebody else", "h": "x", "mi": 1})
        kv.put(BARE, "by hand")
        beside = template(folder, "app", "{{ key('services/app/url') }}", "out/app")
        super().__init__(folder, {"edge": edge(kv, **more), "app": beside}, KEYS)

    def domain(self, name: str) -> bytes | None:
        """Return the value of a pair."""
        return self.kv.get(f"config/domains/{name}")

    def wrong(self, *changed: str) -> list[Any]:
        """Return what was written since the log was reset beside the pairs that changed, and pairs of others."""
        allowed = {f"config/domains/{name}" for name in changed}
        writes = [call for call in self.kv.requests() if call["op"] in ("bulk", "bulk/delete")]
        found: list[Any] = [call for call in writes if not allowed.issuperset(call["keys"])]
        others = {THEIRS: self.kv.get(THEIRS), BARE: self.kv.get(BARE)}
        return found + [pair for pair in others.items() if pair[1] not in (b"theirs", b"by hand")]


@pytest.fixture(scope="module")
def worlds(workers_kv: KVServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], EdgeWorld]]:
    """worlds(without=""): the module's world, or the one without a protection; started when first asked for."""
    made: dict[str, EdgeWorld] = {}

    def world(without: str = "") -> EdgeWorld:
        if without not in made:
            made[without] = EdgeWorld(tmp_path_factory.mktemp("world"), workers_kv.fresh())
            made[without].start(without)
        if not without:
            made[without].daemon.wait_ready()
        made[without].kv.reset()
        return made[without]

    yield world
    for one in made.values():
        one.close()


@pytest.fixture
def make_world(workers_kv: KVServer, tmp_path: Path) -> Iterator[Callable[..., EdgeWorld]]:
    """make_world(**target): a world of this test's own; its daemon is not started."""
    made: list[EdgeWorld] = []

    def make(**more: Any) -> EdgeWorld:
        made.append(EdgeWorld(tmp_path / str(len(made)), workers_kv.fresh(), **more))
        made[-1].kv.reset()
        return made[-1]

    yield make
    for one in made:
        one.close()
