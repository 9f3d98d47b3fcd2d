"""Prometheus metrics: what the status says at this moment, and what was counted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import get_args

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from syncd.core.status import Status, TargetState
from syncd.core.usage import OPERATIONS, Usage
from syncd.web.counters import Counters

STATES: tuple[TargetState, ...] = get_args(TargetState)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the metrics show of one moment, `now` in seconds since the epoch.

    `reloads` say of each reload whether targets wait for it because it failed, `usage` what targets asked of Workers
    KV. `errors` and `reconnects` of the source are those of the whole process, which may have had several sources.
    """

    status: Status
    now: float
    errors: int = 0
    reconnects: int = 0
    reloads: Mapping[str, bool] = field(default_factory=dict)
    usage: Mapping[str, Usage] = field(default_factory=dict)


def exposition(shown: Shown, counters: Counters) -> tuple[bytes, str]:
    """Return all metrics in Prometheus' text format, and its content type."""
    counters.know((target.name for target in shown.status.targets), shown.reloads)
    registry = CollectorRegistry()
    registry.register(_Moment(shown))
    return generate_latest(registry) + generate_latest(counters.registry), CONTENT_TYPE_LATEST


class _Moment(Collector):
    """The metrics that are read off at a scrape."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from _daemon(self._shown.status, self._shown.now)
        yield from _source(self._shown)
        yield from _targets(self._shown.status, self._shown.now)
        failing = {name: float(fails) for name, fails in self._shown.reloads.items()}
        yield _labelled("syncd_reload_failing", "1 where targets wait for a reload that failed.", "reload", failing)
        yield from _workers_kv(self._shown.usage)


def _daemon(status: Status, now: float) -> Iterator[Metric]:
    build = GaugeMetricFamily("syncd_build_info", "1; the version is the label.", labels=["version"])
    build.add_metric([status.version], 1.0)
    yield build
    yield GaugeMetricFamily("syncd_start_time_seconds", "When the daemon started.", status.started_at)
    ready = float(not status.not_ready(now))
    yield GaugeMetricFamily("syncd_ready", "1 where every target is in sync and fresh, as /readyz says.", ready)
    paused = float(status.paused is not None)
    yield GaugeMetricFamily("syncd_paused", "1 where everything is paused.", paused)
    if status.config is not None:
        well = float(status.config.error is None)
        yield GaugeMetricFamily(
            "syncd_config_last_reload_successful", "1 where the config file is in use as it is.", well
        )
        yield GaugeMetricFamily(
            "syncd_config_last_reload_success_timestamp_seconds",
            "Since when the configuration in use is in use.",
            status.config.loaded_at,
        )
    if status.lock is not None:
        leading = float(status.lock.leading)
        yield GaugeMetricFamily("syncd_leader", "1 where this instance holds the lock on remote targets.", leading)


def _source(shown: Shown) -> Iterator[Metric]:
    status, source = shown.status, shown.status.source
    yield GaugeMetricFamily("syncd_source_up", "1 where the source answers.", float(source.state == "ok"))
    fresh = float(status.source_is_fresh(shown.now))
    yield GaugeMetricFamily("syncd_source_fresh", "1 where the source confirmed lately what is known of it.", fresh)
    contact = GaugeMetricFamily("syncd_source_last_contact_timestamp_seconds", "When the source last answered.")
    if source.last_contact_at is not None:
        contact.add_metric([], source.last_contact_at)
    yield contact
    kept = float(source.last_good_at is not None)
    yield GaugeMetricFamily("syncd_source_last_good", "1 where the last known good stands in for the source.", kept)
    distrusted = float(source.distrusted_since is not None)
    yield GaugeMetricFamily(
        "syncd_source_distrusted", "1 where what the source answers cannot be believed.", distrusted
    )
    yield GaugeMetricFamily("syncd_source_index", "The newest index of the source.", source.index)
    yield GaugeMetricFamily("syncd_source_connections", "Watches that are open.", source.connections)
    yield CounterMetricFamily("syncd_source_errors", "Times that asking the source failed.", shown.errors)
    yield CounterMetricFamily(
        "syncd_source_reconnects", "Times that a watch which had failed got an answer again.", shown.reconnects
    )


def _targets(status: Status, now: float) -> Iterator[Metric]:
    state = GaugeMetricFamily("syncd_target_state", "1 for the state that a target is in.", labels=["target", "state"])
    for target in status.targets:
        for one in STATES:
            state.add_metric([target.name, one], float(target.state == one))
    yield state
    in_sync = {target.name: float(target.state == "in_sync") for target in status.targets}
    fresh = {target.name: float(status.target_is_fresh(target, now)) for target in status.targets}
    yield _labelled("syncd_target_in_sync", "1 where a target holds what it should.", "target", in_sync)
    yield _labelled("syncd_target_fresh", "1 where a target was compared lately.", "target", fresh)
    for name, words, value in _OF_TARGETS:
        found = {target.name: getattr(target, value) for target in status.targets}
        yield _labelled(name, words, "target", found)
    missing = {target.name: len(target.missing_keys) for target in status.targets}
    yield _labelled("syncd_target_missing_keys", "Keys that a target needs and that are not there.", "target", missing)


_OF_TARGETS = (
    ("syncd_target_entries", "Entries that we own in a target.", "entries"),
    ("syncd_target_consul_index", "The index that a target was last in sync with.", "consul_index"),
    ("syncd_target_last_check_timestamp_seconds", "When a target was last compared.", "last_checked_at"),
    ("syncd_target_last_applied_timestamp_seconds", "When a target was last changed.", "last_applied_at"),
    (
        "syncd_target_next_retry_timestamp_seconds",
        "When a target is tried again; absent: not planned.",
        "next_retry_at",
    ),
)


def _labelled(name: str, words: str, label: str, values: Mapping[str, float | None]) -> Metric:
    """Return a gauge with one label; a value of None is absent."""
    metric = GaugeMetricFamily(name, words, labels=[label])
    for what, value in values.items():
        if value is not None:
            metric.add_metric([what], value)
    return metric


def _workers_kv(usage: Mapping[str, Usage]) -> Iterator[Metric]:
    calls = CounterMetricFamily(
        "syncd_workers_kv_calls",
        'Calls to the API, by HTTP status; "none" where no answer came.',
        labels=["target", "operation", "status"],
    )
    writes = CounterMetricFamily("syncd_workers_kv_writes", "Pairs confirmed as written.", labels=["target"])
    billed = CounterMetricFamily(
        "syncd_workers_kv_billed_operations", "Operations as Cloudflare bills them.", labels=["target", "operation"]
    )
    waits = CounterMetricFamily(
        "syncd_workers_kv_wait_seconds", "Seconds that calls waited, by reason.", labels=["target", "reason"]
    )
    for target, used in usage.items():
        for (operation, status), number in sorted(used.calls.items()):
            calls.add_metric([target, operation, status], number)
        writes.add_metric([target], used.writes)
        for operation in OPERATIONS:
            billed.add_metric([target, operation], used.billed[operation])
        for why, seconds in used.waited_s.items():
            waits.add_metric([target, why], seconds)
    yield from (calls, writes, billed, waits)
