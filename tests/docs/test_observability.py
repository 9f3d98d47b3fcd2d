"""docs/observability.md has every log event with its levels and fields, and none that is not logged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.log_events import logged
from tests.docs.reader import ROOT
from tests.docs.tables import rows

PAGE = ROOT / "docs/observability.md"


def in_the_source() -> dict[str, tuple[set[str], set[str]]]:
    """Return each event's levels and fields, of all places together."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for one in logged(ROOT / "syncd"):
        levels, fields = found.setdefault(one.event, (set(), set()))
        levels |= one.levels
        fields |= one.fields
    return found


def test_every_event_is_in_the_docs() -> None:
    """And every one in the docs is logged, with these fields and at these levels."""
    table = [row for row in rows(PAGE) if row.section == "Logs"]
    said = {row.codes(0)[0]: (set(row.codes(1)), set(row.codes(2))) for row in table}
    assert len(said) == len(table), "an event stands twice"
    known = in_the_source()
    assert said.keys() == known.keys()
    assert said == known
    assert list(said) == sorted(said), "in the order of the alphabet"


def test_the_reader_of_events_misses_none(tmp_path: Path) -> None:
    """It reads plain calls, chosen levels, spread fields and foreign levels; what it cannot read is a fault."""
    source = tmp_path / "one.py"
    source.write_text(
        "def f(many):\n"
        "    _log.info('a', x=1, exc_info=True)\n"
        "    facts = {op: 1 for op in OPS}\n"
        "    facts['error'] = ''\n"
        "    say = _log.info if many else _log.warning\n"
        "    say('b', **facts)\n"
        "    g(lambda: structlog.get_logger().log(level, 'c', y=2))\n"
        "    def inner():\n"
        "        _log.error('d')\n"
        "    logger.info('none of ours')\n"
    )
    found = {one.event: (set(one.levels), set(one.fields)) for one in logged(tmp_path)}
    assert found == {
        "a": ({"info"}, {"x", "exception", "at"}),
        "b": ({"info", "warning"}, {"create", "update", "delete", "error"}),
        "c": (set(), {"y"}),
        "d": ({"error"}, set()),
    }
    for bad in (
        "def f(name):\n    _log.info(name)\n",
        "def f(more):\n    _log.info('a', **more)\n",
        "_log.info('a')\n",
    ):
        source.write_text(bad)
        with pytest.raises(ValueError, match=r"one\.py:\d"):
            list(logged(tmp_path))
