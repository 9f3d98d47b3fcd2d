"""docs/operating.md: what it tells to watch is there; its commands are typed by tests/e2e/test_pages.py."""

from __future__ import annotations

import re
from typing import get_args

from syncd.core.status import TargetState
from tests.docs.reader import ROOT
from tests.docs.tables import rows

PAGE = ROOT / "docs" / "operating.md"


def test_every_metric_that_it_names_is_served() -> None:
    """A renamed metric would leave an alarm silent."""
    named = set(re.findall(r"\bsyncd_[a-z_]+", PAGE.read_text()))
    served = "".join(path.read_text() for path in (ROOT / "syncd" / "web").glob("*.py"))
    assert named
    assert not [one for one in named if f'"{one}"' not in served and f'"{one.removesuffix("_total")}"' not in served]


def test_every_state_has_a_row() -> None:
    """With what it means, and what to do."""
    told = {code for row in rows(PAGE) if row.section == "The states" for code in row.codes(0)}
    assert told == set(get_args(TargetState))
