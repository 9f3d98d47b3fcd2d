"""The faults of test_edge, told to daemons that lack one protection: each does the harm that it prevents."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.support.report import record
from tests.faults.target.conftest import EdgeWorld
from tests.faults.target.kit import closest_writes_s, faulted
from tests.faults.target.test_edge import AREA, BULK, DELETE, LIST, PASSING, REFUSED, Row, fresh, refusal
from tests.support.processes import wait_until

pytestmark = pytest.mark.e2e
Worlds = Callable[..., EdgeWorld]
ANSWERS, DISTANCE = "reading what the API answers", "a second between writes to a key"
SILENT = ("connection reset",)


@pytest.mark.parametrize("row", [row for row in REFUSED if row.name not in SILENT], ids=lambda row: row.name)
def test_a_refusal_taken_for_a_success(worlds: Worlds, row: Row) -> None:
    """A refused bulk counts as written: the status says in sync, and the pair is as it was."""
    world, value = worlds("believes_any_answer"), fresh()
    world.kv.fault(BULK, times=-1, **row.fault)
    world.put(config__domains__api=value)
    wait_until(lambda: faulted(world.kv, BULK), 20)
    wait_until(lambda: world.daemon.states()["edge"] == "in_sync", 20)
    assert world.domain("api") != value.encode()
    record(row.name, area=AREA, red_without=ANSWERS)


@pytest.mark.parametrize("row", PASSING, ids=lambda row: row.name)
def test_bulks_sent_again_at_once(worlds: Worlds, row: Row) -> None:
    """The same key is written twice within a second."""
    world = worlds("no_distance")
    world.kv.fault(BULK, times=row.times, **row.fault)
    world.put(config__domains__api=fresh())
    wait_until(lambda: len(world.kv.requests(BULK)) > row.times, 20)
    assert closest_writes_s(world.kv) < 1.0
    record(row.name, area=AREA, red_without=DISTANCE)


def test_a_key_that_changes_all_the_time(worlds: Worlds) -> None:
    """Without the distance its writes come as fast as its changes."""
    world = worlds("no_distance")
    for number in range(1, 4):
        world.put(config__domains__api=fresh())
        wait_until(lambda number=number: len(world.kv.requests(BULK)) >= number, 10)
    assert closest_writes_s(world.kv) < 1.0
    record("a key that changes all the time", area=AREA, red_without=DISTANCE)


def test_a_partial_failure_not_noticed(worlds: Worlds) -> None:
    """The key that was not written is taken for written."""
    world, value = worlds("ignores_unsuccessful_keys"), fresh()
    world.kv.fault(BULK, times=1, unsuccessful_keys=["config/domains/web"])
    world.put(config__domains__api=value, config__domains__web=value)
    wait_until(lambda: world.domain("api") == value.encode(), 20)
    wait_until(lambda: world.daemon.states()["edge"] == "in_sync", 20)
    assert world.domain("web") != value.encode()
    record("partial failure twice", area=AREA, red_without="reading `unsuccessful_keys`")


def test_an_old_list_believed(worlds: Worlds) -> None:
    """What was just written is written again, and what was deleted is deleted again."""
    world, value = worlds("no_ledger"), fresh()
    world.put(config__domains__gone=value)
    wait_until(lambda: world.domain("gone"), 10)
    world.kv.fault(LIST, times=-1, stale=True)
    world.put(config__domains__api=value)
    world.drop("config/domains/gone")
    wait_until(lambda: world.domain("api") == value.encode() and world.domain("gone") is None, 10)
    wait_until(lambda: world.daemon.states()["edge"] == "in_sync", 20)
    before = len(world.kv.requests(BULK))
    world.reconcile()
    wait_until(lambda: len(world.kv.requests(BULK)) > before, 10)
    wait_until(lambda: len(world.kv.requests(DELETE)) > 1, 10)
    record("a list that is a minute old", area=AREA, red_without="the ledger of our own writes")


def test_an_empty_page_taken_for_the_end(make_world: Callable[..., EdgeWorld]) -> None:
    """A daemon that starts on a namespace that is in order writes all of it again."""
    world = make_world()
    assert world.once()[0] == 0
    world.kv.reset()
    world.kv.fault(LIST, times=1, empty_page=True)
    world.start("ends_at_an_empty_page", ready=False)
    wait_until(world.wrong, 10)
    record("an empty page with a cursor", area=AREA, red_without="reading on to the end of the cursor")


def test_all_is_refused_for_one_key(make_world: Callable[..., EdgeWorld]) -> None:
    """One key that is too long, sent along: the whole bulk is refused, and no pair goes out."""
    world = make_world()
    world.put(**{"config/domains/" + "n" * 600: "x"})
    world.start("sends_anything", ready=False)
    wait_until(lambda: world.kv.requests(BULK), 20)
    world.until_says("edge", "HTTP 400")
    assert [world.domain(name) for name in ("api", "web", "www")] == [None] * 3
    record("a key over 512 bytes", area=AREA, red_without="measuring before sending")


def test_a_cut_connection_taken_for_a_success(worlds: Worlds) -> None:
    """The bulk never arrived, the status says in sync, and the pair is as it was."""
    world, value = worlds("believes_silence"), fresh()
    world.kv.fault(BULK, times=-1, drop="before")
    world.put(config__domains__api=value)
    wait_until(lambda: faulted(world.kv, BULK), 20)
    wait_until(lambda: world.daemon.states()["edge"] == "in_sync", 20)
    assert world.domain("api") != value.encode()
    record("connection reset", area=AREA, red_without=ANSWERS)


def test_a_refused_delete_taken_for_a_success(worlds: Worlds) -> None:
    """The pair that had to go is there, and the status says in sync."""
    world = worlds("believes_any_answer")
    world.put(config__domains__old=fresh())
    wait_until(lambda: world.domain("old"), 10)
    world.kv.fault(DELETE, times=-1, **refusal(200, 10001))
    world.drop("config/domains/old")
    wait_until(lambda: faulted(world.kv, DELETE), 20)
    wait_until(lambda: world.daemon.states()["edge"] == "in_sync", 20)
    assert world.domain("old") is not None
    record("a delete that is refused", area=AREA, red_without=ANSWERS)


def test_all_wait_for_an_api_that_takes_its_time(make_world: Callable[..., EdgeWorld]) -> None:
    """Where targets share one turn, the file beside follows only when the API has answered."""
    world, value, url = make_world(), fresh(), fresh()
    world.start("one_at_a_time")
    world.kv.fault(BULK, times=1, delay_ms=4_000)
    world.put(config__domains__api=value)
    wait_until(lambda: faulted(world.kv, BULK), 10)
    assert world.domain("api") != value.encode()
    world.put(services__app__url=url)
    wait_until(lambda: (world.folder / "out/app").read_text() == url, 20)
    assert world.domain("api") == value.encode()
    record("an API that answers after 8 s", area=AREA, red_without="one worker per target")
