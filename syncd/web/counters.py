"""Counters and histograms: what happened since the process began, as Prometheus wants to have it.

A label's values are names of the configuration and words of ours, so there are never many of them.
"""

from collections.abc import Iterable, Mapping
from typing import get_args

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

from syncd.core.model import OPS
from syncd.core.report.model import Outcome

OUTCOMES = (*get_args(Outcome), "paused")
RESULTS = ("done", "failed")
NOTIFIED = ("sent", "failed")
LATENCY_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Upper bounds: from a change without debounce to a namespace that waits for its token's next five minutes."""


class Counters:
    """What is counted of targets and reloads, in a registry of their own."""

    def __init__(self) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # twice the series, for nothing
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._passes = Counter(
            "syncd_target_passes",
            "Passes over a target, by what they made of it.",
            ["target", "outcome"],
            registry=self.registry,
        )
        self._changes = Counter(
            "syncd_target_changes", "Entries that were changed.", ["target", "op"], registry=self.registry
        )
        self._latency = Histogram(
            "syncd_target_change_latency_seconds",
            "From a change in the source to the moment at which it was applied.",
            ["target"],
            buckets=LATENCY_S,
            registry=self.registry,
        )
        self._reloads = Counter(
            "syncd_reloads",
            "Reloads that were due, by what became of them.",
            ["reload", "result"],
            registry=self.registry,
        )
        self._notifications = Counter(
            "syncd_notifications",
            "Messages to the webhook, by what became of them.",
            ["result"],
            registry=self.registry,
        )
        for result in NOTIFIED:
            self._notifications.labels(result)

    def know(self, targets: Iterable[str], reloads: Iterable[str]) -> None:
        """Show these from 0 on: an increase from nothing to 1 is none that Prometheus could see."""
        for target in targets:
            self._latency.labels(target)
            for outcome in OUTCOMES:
                self._passes.labels(target, outcome)
            for op in OPS:
                self._changes.labels(target, op)
        for reload in reloads:
            for result in RESULTS:
                self._reloads.labels(reload, result)

    def passed(self, target: str, outcome: str, changes: Mapping[str, int]) -> None:
        """Count a pass; `changes` by op."""
        self._passes.labels(target, outcome).inc()
        for op, number in changes.items():
            self._changes.labels(target, op).inc(number)

    def applied(self, target: str, seconds: float) -> None:
        """Note how long a change took until it was applied."""
        self._latency.labels(target).observe(seconds)

    def reloaded(self, reload: str, result: str) -> None:
        """Count a reload."""
        self._reloads.labels(reload, result).inc()

    def notified(self, result: str) -> None:
        """Count a message to the webhook; `result` as in `NOTIFIED`."""
        self._notifications.labels(result).inc()
