"""The page of any status: states in words, nothing unescaped, freshness by the clock."""

import re
from dataclasses import replace
from typing import get_args

import pytest

from syncd.core.status import Freshness, LockStatus, SourceStatus, Status, TargetState, TargetStatus
from syncd.web import page, words

NOW = 1_700_000_000.0
WELL = TargetStatus("edge", "cloudflare_kv", "in_sync", NOW - 60, NOW - 5, 12, None, None, (), 1234, (), "leader")
STATUS = Status("1.0", NOW - 100, SourceStatus("ok", 12, NOW - 1), (WELL,), Freshness(90, 600))


def with_target(**fields: object) -> Status:
    """Return a status whose only target differs in `fields`."""
    return replace(STATUS, targets=(replace(WELL, **fields),))  # type: ignore[arg-type]


@pytest.mark.parametrize("state", get_args(TargetState))
def test_every_state_is_said_in_words_and_by_a_sign(state: TargetState) -> None:
    """Name, sign and, where something is wrong, what it means: never by colour alone."""
    html = page.regions(with_target(state=state), (), NOW)["target-0"]
    name, meaning = words.STATE[state]
    assert f"</svg>{name}</span>" in html
    assert (meaning.split("`")[0] in html) == (state != "in_sync")


def test_the_overview_leads_to_what_needs_attention() -> None:
    """It counts what is not in sync and links to it."""
    status = replace(STATUS, targets=(WELL, replace(WELL, name="b", state="held"), replace(WELL, name="c")))
    overview = page.regions(status, (), NOW)["overview"]
    assert "Not ready: 1 of 3 targets is not in sync" in overview
    assert re.findall(r'href="#(target-\d)">(\w)<', overview) == [("target-1", "b")]


def test_the_clock_alone_makes_a_target_stale() -> None:
    """In sync, but compared too long ago, is not shown as in sync."""
    html = page.regions(STATUS, (), NOW + 700)["target-0"]
    assert "</svg>In sync, not fresh</span>" in html
    assert "not within 10 min" in html


def test_a_source_that_does_not_answer_is_the_news() -> None:
    """With error, last known good and a warning that nothing is certain, though all targets are in sync."""
    source = SourceStatus("stale", 12, NOW - 120, "connection refused", 0, NOW - 9, NOW - 5000)
    regions = page.regions(replace(STATUS, source=source), (), NOW)
    assert "Not ready: the source does not answer" in regions["overview"]
    assert "90 s: nothing below is certain" in regions["overview"]
    for said in ("Does not answer as it should", "connection refused", "cannot be believed", "last known good"):
        assert said in regions["source"], said


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        (LockStatus("app/lock", True), "held by this instance"),
        (LockStatus("app/lock", False, "host-2 (pid 4)"), "held by host-2 (pid 4)"),
        (LockStatus("app/lock", False, None, "denied"), "nobody is known to hold it"),
    ],
)
def test_the_lock_is_shown_with_its_holder(lock: LockStatus, said: str) -> None:
    """And with its key, and why it could not be asked for."""
    html = page.regions(replace(STATUS, lock=lock), (), NOW)["source"]
    assert said in html
    assert "app/lock" in html
    assert ("Lock: denied" in html) == (lock.error is not None)


def test_what_others_wrote_is_text() -> None:
    """Names, reasons and keys cannot add markup."""
    evil = "<img src=x onerror=alert(1)>"
    status = with_target(name=evil, kind=evil, state="failed", reasons=(evil,), missing_keys=(evil,))
    status = replace(status, source=replace(STATUS.source, error=evil), lock=LockStatus(evil, False, evil, evil))
    html = page.whole(status, (), NOW)
    assert "<img" not in html
    assert html.count("&lt;img src=x onerror=alert(1)&gt;") == 11


def test_missing_keys_are_said_once_and_folded_when_many() -> None:
    """The list stands for the reasons that only repeat it; other reasons stay."""
    keys = tuple(f"a/{number}" for number in range(11))
    reasons = (*(f"key '{key}' has no value" for key in keys), "and more")
    html = page.regions(with_target(state="failed", missing_keys=keys, reasons=reasons), (), NOW)["target-0"]
    assert html.count("a/7") == 1
    assert "and more" in html
    assert "11 keys are missing</summary>" in html
    few = page.regions(with_target(state="failed", missing_keys=keys[:2]), (), NOW)["target-0"]
    assert "keys are missing" not in few


def test_changes_are_announced_and_nothing_else() -> None:
    """State changes of targets and source are, new times and new targets are not."""
    failed = with_target(state="failed", reasons=("no key", "more"))
    assert words.announcement(STATUS, failed) == "edge: failed: no key."
    assert words.announcement(failed, STATUS) == "edge: in sync."
    assert words.announcement(STATUS, with_target(last_checked_at=NOW)) == ""
    assert words.announcement(replace(STATUS, targets=()), STATUS) == ""
    gone = replace(STATUS, source=SourceStatus("stale", 12))
    assert words.announcement(STATUS, gone) == "Source: does not answer as it should."


def test_another_shape_is_another_layout() -> None:
    """Other targets, another version or a lock need the page anew; another state does not."""
    same = page.layout(STATUS)
    assert page.layout(with_target(state="failed")) == same
    others = [with_target(name="b"), replace(STATUS, version="2"), replace(STATUS, targets=(WELL, WELL))]
    assert same not in [page.layout(other) for other in others]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h")]
)
def test_spans_are_short(seconds: float, text: str) -> None:
    """In the largest unit of which there are two."""
    assert words.span(seconds) == text
