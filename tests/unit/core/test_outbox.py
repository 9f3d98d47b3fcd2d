"""What waits to be sent: the newest of each target, and nobody for long because of another."""

from syncd.core.notices import Notice
from syncd.core.outbox import LONGEST_PAUSE_S, Outbox


def bad(*names: str) -> Notice:
    """Return a notice of trouble."""
    return Notice("failed", names, "why", 0.0)


def waiting(outbox: Outbox) -> list[tuple[str, ...]]:
    """Return the names of all that wait, in the order in which they are sent; the outbox is empty after that."""
    found = []
    while (one := outbox.next()) is not None:
        found.append(one.notice.names)
        outbox.end(one)
    return found


def test_what_is_tried_again_stands_back() -> None:
    """After a try the next one is sent; the pauses grow up to half a minute."""
    outbox = Outbox(9)
    outbox.add(bad("a"))
    first = outbox.next()
    assert first is not None
    outbox.again(first, 100.0, 0.5)
    assert (first.due, first.tries) == (101.5, 1)
    outbox.add(bad("b"))
    assert waiting(outbox) == [("b",), ("a",)]
    for _ in range(9):
        outbox.again(first, 100.0, 0.0)
    assert first.due == 100.0 + LONGEST_PAUSE_S


def test_the_newest_takes_the_place_of_what_waits() -> None:
    """Of a message about several the others stay."""
    outbox = Outbox(9)
    outbox.add(bad("a", "b"))
    outbox.add(bad("c"))
    outbox.add(Notice("recovered", ("a",), "", 0.0))
    outbox.add(Notice("recovered", ("c",), "", 0.0))
    assert waiting(outbox) == [("b",), ("a",), ("c",)]


def test_what_is_not_so_any_more_goes() -> None:
    """Wholly or in part."""
    outbox = Outbox(9)
    outbox.add(bad("a", "b"))
    outbox.add(bad("c"))
    outbox.revise(lambda notice: notice.about(("b",)))
    assert waiting(outbox) == [("b",)]


def test_where_too_many_wait_the_oldest_is_lost() -> None:
    """It is given back, to be told of."""
    outbox = Outbox(2)
    assert outbox.add(bad("a")) is None
    assert outbox.add(bad("b")) is None
    assert outbox.add(bad("c")) == bad("a")
