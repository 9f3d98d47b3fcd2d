"""Prometheus metrics of the status."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from syncd.core.status import Status

STATES = ("in_sync", "pending", "failed", "held", "unsafe", "paused")


class _Snapshot(Collector):
    """The metrics of one status."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        source = self._status.source
        yield GaugeMetricFamily("syncd_start_time_seconds", "When the daemon started.", self._status.started_at)
        contact = GaugeMetricFamily("syncd_source_last_contact_timestamp_seconds", "When the source last answered.")
        if source.last_contact_at is not None:
            contact.add_metric([], source.last_contact_at)
        yield contact
        yield GaugeMetricFamily("syncd_source_up", "1 where the source answers.", float(source.state == "ok"))
        kept = float(source.last_good_at is not None)
        yield GaugeMetricFamily("syncd_source_last_good", "1 where the last known good stands in for the source.", kept)
        yield GaugeMetricFamily("syncd_source_connections", "Watches that are open.", source.connections)
        if self._status.lock is not None:
            leading = float(self._status.lock.leading)
            yield GaugeMetricFamily("syncd_leader", "1 where this instance holds the lock on remote targets.", leading)
        state = GaugeMetricFamily(
            "syncd_target_state", "1 for the state that a target is in.", labels=["target", "state"]
        )
        entries = GaugeMetricFamily("syncd_target_entries", "Entries that we own in a target.", labels=["target"])
        checked = GaugeMetricFamily(
            "syncd_target_last_check_timestamp_seconds", "When a target was last compared.", labels=["target"]
        )
        for target in self._status.targets:
            for name in STATES:
                state.add_metric([target.name, name], float(target.state == name))
            entries.add_metric([target.name], target.entries)
            if target.last_checked_at is not None:
                checked.add_metric([target.name], target.last_checked_at)
        yield from (state, entries, checked)


def exposition(status: Status) -> tuple[bytes, str]:
    """Return the metrics in Prometheus' text format, and its content type."""
    registry = CollectorRegistry()
    registry.register(_Snapshot(status))
    return generate_latest(registry), CONTENT_TYPE_LATEST
