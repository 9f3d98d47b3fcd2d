"""From what workers tell to what is counted: latency over retries, outcomes, reloads, sources that are made anew."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from syncd.core.model import Change, Plan
from syncd.core.report.model import ReloadResult
from syncd.core.status import ConfigStatus, Freshness, SourceStatus, Status, TargetStatus
from syncd.engine.applying import Done
from syncd.engine.daemon.measuring import Measuring
from syncd.engine.daemon.observing import Passed
from syncd.engine.setup import Setup
from tests.support.scrape import Scrape

WELL = TargetStatus("edge", "cloudflare_kv", "in_sync", entries=1)
LATENCY = "syncd_target_change_latency_seconds"
ONE = (Change("update", "a", "1", "2"),)


def setup(**targets: Any) -> Setup:
    """Return as much of a setup as is looked at."""
    return cast("Setup", SimpleNamespace(targets=targets, config=SimpleNamespace(reloads={"app": None})))


def plan(*changes: Change) -> Plan:
    """Return a plan of these changes."""
    return Plan("edge", "cloudflare_kv", changes)


def passed(done: Done | None, *changes: Change, ago_s: float | None = None, state: str = "in_sync") -> Passed:
    """Return what a pass made of the target; its oldest change is so old."""
    after = TargetStatus("edge", "cloudflare_kv", cast("Any", state))
    return Passed(WELL, after, plan(*changes), done, None if ago_s is None else time.time() - ago_s)


def scrape(measuring: Measuring, source: SourceStatus | None = None) -> Scrape:
    """Return what is shown now."""
    status = Status(
        "1", 0.0, source or SourceStatus("ok"), (WELL,), Freshness(1, 1), config=ConfigStatus("config.yaml", 0.0)
    )
    return Scrape.read(measuring.exposition(status)[0].decode())


@pytest.fixture
def measuring() -> Measuring:
    """One of this test's own."""
    return Measuring(setup)


def test_latency_counts_from_the_first_change_on(measuring: Measuring) -> None:
    """A change that failed, was followed by another and was applied by a retry is one, as old as the first."""
    measuring.passed(passed(Done("failed", "no"), *ONE, ago_s=100, state="failed"))
    measuring.passed(passed(Done("failed", "no"), *ONE, ago_s=1, state="failed"))
    measuring.passed(passed(Done("applied", touched=True), *ONE))
    now = scrape(measuring)
    assert now.value(f"{LATENCY}_count", target="edge") == 1
    assert 100 <= now.value(f"{LATENCY}_sum", target="edge") < 110
    measuring.passed(passed(Done("applied", touched=True), *ONE))
    assert scrape(measuring).value(f"{LATENCY}_count", target="edge") == 1, "drift is no change of the source"


def test_what_could_not_be_planned_counts_too(measuring: Measuring) -> None:
    """A source that fails in a pass: the change counts from then on."""
    held = TargetStatus("edge", "cloudflare_kv", "held")
    measuring.passed(Passed(WELL, held, changed_at=time.time() - 50))
    measuring.passed(passed(Done("applied", touched=True), *ONE))
    now = scrape(measuring)
    assert now.value("syncd_target_passes_total", target="edge", outcome="held") == 1
    assert now.value(f"{LATENCY}_sum", target="edge") >= 50


def test_a_change_that_was_taken_back(measuring: Measuring) -> None:
    """In sync without a write is no latency, and the next change begins anew."""
    measuring.passed(passed(Done("unsafe"), *ONE, ago_s=1_000, state="unsafe"))
    measuring.passed(passed(Done("in_sync")))
    measuring.passed(passed(Done("applied", touched=True), *ONE, ago_s=1))
    now = scrape(measuring)
    assert now.value(f"{LATENCY}_count", target="edge") == 1
    assert now.value(f"{LATENCY}_sum", target="edge") < 100


def test_written_first_and_reloaded_later(measuring: Measuring) -> None:
    """Applied is what the consumer uses: the pass in which the owed reload worked."""
    measuring.passed(passed(Done("failed", "reload", touched=True), *ONE, ago_s=10, state="failed"))
    assert scrape(measuring).value(f"{LATENCY}_count", target="edge") == 0
    measuring.passed(passed(Done("in_sync")))
    assert scrape(measuring).value(f"{LATENCY}_count", target="edge") == 1


def test_refused_keys_are_no_changes(measuring: Measuring) -> None:
    """Of a push that went half through only what the target took is counted."""
    changes = (*ONE, Change("delete", "b", "1", None), Change("delete", "c", "1", None))
    measuring.passed(passed(Done("failed", "b: no", touched=True, refused=frozenset("b")), *changes, state="failed"))
    now = scrape(measuring)
    found = {op: now.value("syncd_target_changes_total", target="edge", op=op) for op in ("create", "update", "delete")}
    assert found == {"create": 0, "update": 1, "delete": 1}


def test_paused_with_or_without_changes(measuring: Measuring) -> None:
    """A pass that would change something is paused, one that would not is in sync."""
    measuring.passed(passed(None, *ONE, state="paused"))
    measuring.passed(passed(None))
    now = scrape(measuring)
    assert now.value("syncd_target_passes_total", target="edge", outcome="paused") == 1
    assert now.value("syncd_target_passes_total", target="edge", outcome="in_sync") == 1


def test_a_reload_fails_until_it_works(measuring: Measuring) -> None:
    """Each try is counted; a reload that left the config is not shown as failing."""
    for state in ("failed", "failed"):
        measuring.reloaded(ReloadResult("app", cast("Any", state)))
        measuring.reloaded(ReloadResult("gone", "failed"))
    now = scrape(measuring)
    assert now.values("syncd_reload_failing") == {frozenset({("reload", "app")}): 1}
    measuring.reloaded(ReloadResult("app", "done"))
    now = scrape(measuring)
    assert now.value("syncd_reload_failing", reload="app") == 0
    assert now.value("syncd_reloads_total", reload="app", result="failed") == 2


def test_a_source_made_anew_counts_on(measuring: Measuring) -> None:
    """Its errors and reconnects are those of all sources of the process."""
    first = SourceStatus("stale", errors=5, reconnects=2)
    assert scrape(measuring, first).value("syncd_source_errors_total") == 5
    measuring.source_ends(first)
    now = scrape(measuring, SourceStatus("ok", errors=1))
    assert (now.value("syncd_source_errors_total"), now.value("syncd_source_reconnects_total")) == (6, 2)


def test_absent_times_are_absent(measuring: Measuring) -> None:
    """What never happened has no time: no sample, and not 1970."""
    now = scrape(measuring)
    assert now.values("syncd_source_last_contact_timestamp_seconds") == {}
    assert now.values("syncd_target_last_check_timestamp_seconds") == {}
    assert now.value("syncd_source_fresh") == 0
    assert now.value("syncd_target_fresh", target="edge") == 0
