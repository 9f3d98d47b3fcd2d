"""Docs, alerts and dashboard know the metrics that a daemon really has: no other, and none is left out."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.docs.reader import ROOT
from tests.docs.tables import Row, rows
from tests.integration.observing.promql import SCRAPED, asked, faults, kept_labels, shown_labels
from tests.support.consul import ConsulServer
from tests.support.daemon import Daemon
from tests.support.kv_server import KVServer
from tests.support.processes import wait_until
from tests.support.scrape import Scrape
from tests.support.stack import Stack

PAGE = ROOT / "docs/observability.md"
ALERTS = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((ROOT / "deploy/grafana/syncd.json").read_text())


@pytest.fixture(scope="module")
def scraped(
    consul_server: ConsulServer, workers_kv: KVServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scrape]:
    """What a daemon says that leads, has pushed, has reloaded, and has a target that is to be tried again."""
    prefix, kv = f"t-{uuid.uuid4().hex[:8]}/", workers_kv.fresh()
    edge = {"account_id": kv.account, "namespace_id": kv.namespace, "api_token": kv.token, "base_url": kv.base_url}
    config = {
        "version": 1,
        "owner": "test-owner",
        "consul": {"address": consul_server.url, "prefix": prefix, "lock_key": "lock"},
        "reloads": {"app": {"run": ["true"]}},
        "targets": {
            "edge": {"kind": "cloudflare_kv", **edge, "keys": ["domains/*"]},
            "app": {"kind": "env_file", "path": "out/app.env", "vars": {"API": "domains/api"}, "reload": "app"},
            "lame": {"kind": "env_file", "path": "out/lame.env", "vars": {"GONE": "nowhere"}},
        },
    }
    stack = Stack(tmp_path_factory.mktemp("scraped"), consul_server, prefix, kv, config)
    stack.put(domains__api="https://api.example.com")
    running = Daemon(stack)

    def seen() -> Scrape | None:
        try:
            now = Scrape.of(running.port)
        except OSError:
            return None
        well = now.value("syncd_leader") == 1 and now.value("syncd_target_in_sync", target="edge") == 1
        return now if well and now.value("syncd_target_next_retry_timestamp_seconds", target="lame") > 0 else None

    try:
        found = wait_until(seen, 30, "all metrics are there")
        assert found is not None
        yield found
    finally:
        running.process.kill()
        running.process.wait()
        consul_server.delete(prefix, recurse=True)


def documented() -> list[Row]:
    """Return the rows of all tables of metrics."""
    return [row for row in rows(PAGE) if row.head[0] == "metric"]


def values(scraped: Scrape) -> dict[tuple[str, str], set[str]]:
    """Return the values that a label of a sample can have: those that are there and those that the page names."""
    said = {row.codes(0)[0]: set(row.codes(1)) for row in rows(PAGE) if row.section == "Labels" and row.codes(1)}
    return {
        (sample, label): said.get(label, set())
        | {dict(one)[label] for one in scraped.values(sample) if label in dict(one)}
        for sample, labels in scraped.labels().items()
        for label in labels
    }


def test_every_metric_is_in_the_docs(scraped: Scrape) -> None:
    """With its type and its labels; and what is in the docs is there."""
    said = {row.codes(0)[0]: (row.cells[1], set(row.codes(2))) for row in documented()}
    assert len(said) == len(documented()), "a metric stands twice"
    there = {}
    for family in scraped.families.values():
        total = "_total" if family.type == "counter" and not family.name.endswith("_total") else ""
        labels = set().union(*(one.labels for one in family.samples)) - {"le"}
        there[family.name + total] = (family.type, labels)
    assert said == there
    assert all(len(row.cells[3]) > 3 for row in documented())


def test_every_label_is_in_the_docs(scraped: Scrape) -> None:
    """With the values that it has."""
    table = {name: set(row.codes(1)) for row in rows(PAGE) if row.section == "Labels" for name in row.codes(0)}
    there = set().union(*scraped.labels().values()) - {"le"}
    assert table.keys() == there
    samples = [dict(one) for sample in scraped.labels() for one in scraped.values(sample)]
    for label in ("state", "outcome", "op", "result", "operation", "reason"):
        assert {one[label] for one in samples if label in one} == table[label], label


def test_every_alert_can_fire(scraped: Scrape) -> None:
    """It is PromQL, of metrics, labels and values that exist; what it says names labels that it has."""
    labels = {**scraped.labels(), "up": set()}
    wrong = [fault for rule in RULES for fault in faults(rule["expr"], labels, values(scraped))]
    assert not wrong, "\n".join(wrong)
    for rule in RULES:
        shown = set().union(*(shown_labels(text) for text in rule["annotations"].values()))
        assert shown <= kept_labels(rule["expr"], labels), rule["alert"]


def test_no_alert_pages_for_a_window() -> None:
    """Readiness and `in_sync` fall while a target waits for only_between; of pending ones those are left out."""
    states = {"failed", "held", "unsafe", "paused", "pending"}
    for rule in RULES:
        wants = asked(rule["expr"])
        assert wants.metrics.isdisjoint({"syncd_ready", "syncd_target_in_sync"}), rule["alert"]
        of = {value for metric, _, value in wants.matched if metric == "syncd_target_state"}
        states -= {str(one) for one in of}
        if "pending" in of:
            left_out = "unless on (instance, target) syncd_target_next_retry_timestamp_seconds > time() + 60"
            assert left_out in rule["expr"]
    assert not states, "a state that nothing alerts on"


def test_every_alert_says_what_to_do() -> None:
    """A name of its own, a severity, a summary and a description; only what looks a day back fires at once."""
    assert len({rule["alert"] for rule in RULES}) == len(RULES) >= 10
    for rule in RULES:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description"}
        assert re.fullmatch(r"\d+[mh]", rule.get("for", "")) or "[1d]" in rule["expr"], rule["alert"]


def panels(of: dict[str, Any] = DASHBOARD) -> list[dict[str, Any]]:
    """Return the panels of the dashboard that show something."""
    return [one for one in of["panels"] if one["type"] != "row"]


def test_every_panel_shows_metrics_that_exist(scraped: Scrape) -> None:
    """PromQL with known metrics and labels, legends too; each metric of targets and Workers KV's bills is on it."""
    labels, shown = scraped.labels(), set()
    wrong = []
    for panel in panels():
        for target in panel["targets"]:
            wrong += faults(target["expr"], labels, values(scraped))
            if missing := shown_labels(target["legendFormat"]) - kept_labels(target["expr"], labels):
                wrong.append(f"{panel['title']}: the legend shows {missing}")
            shown |= {name for name in labels if re.search(rf"\b{name}\b", target["expr"])}
    for note in DASHBOARD["annotations"]["list"]:
        wrong += faults(note["expr"], labels, values(scraped))
    assert not wrong, "\n".join(wrong)
    assert {name for name in labels if name.startswith("syncd_workers_kv")} <= shown
    assert {"syncd_target_in_sync", "syncd_source_errors_total", "syncd_reloads_total"} <= shown


def test_the_dashboard_can_be_imported(scraped: Scrape) -> None:
    """Every panel has an id and a place of its own; the data source is asked for; variables are labels that exist."""
    everything = DASHBOARD["panels"]
    assert len({one["id"] for one in everything}) == len(everything)
    taken: set[tuple[int, int]] = set()
    for one in everything:
        at = one["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, one["title"]
        taken |= cells
    assert all(one["datasource"]["uid"] == "${datasource}" for one in panels())
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(panels()))) - {"__rate_interval", "__interval"} <= set(variables)
    for one in variables.values():
        if one["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", one["definition"]).groups()  # type: ignore[union-attr]
            assert label in scraped.labels()[metric] | SCRAPED
