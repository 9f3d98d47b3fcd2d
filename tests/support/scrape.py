"""What a daemon's /metrics says, parsed by prometheus_client's own reader."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.support.http import Http


@dataclass(frozen=True)
class Scrape:
    """One scrape: families by name."""

    families: dict[str, Metric]

    @classmethod
    def of(cls, port: int) -> Scrape:
        """Return what the daemon on a port says now."""
        answer = Http(f"http://127.0.0.1:{port}")("GET", "/metrics")
        assert answer.status == 200
        return cls.read(answer.text)

    @classmethod
    def read(cls, text: str) -> Scrape:
        """Return a text as it reads."""
        found = list(text_string_to_metric_families(text))
        assert len({one.name for one in found}) == len(found), "a family stands twice"
        return cls({one.name: one for one in found})

    def value(self, sample: str, **labels: str) -> float:
        """Return the one sample that has these labels and no others; -1 where there is none."""
        return self.values(sample).get(frozenset(labels.items()), -1.0)

    def values(self, sample: str) -> dict[frozenset[tuple[str, str]], float]:
        """Return all samples of a name, by their labels."""
        return {
            frozenset(one.labels.items()): one.value
            for family in self.families.values()
            for one in family.samples
            if one.name == sample
        }

    def labels(self) -> dict[str, set[str]]:
        """Return the names of all samples, and which labels they have; families without a sample have none."""
        found: dict[str, set[str]] = {}
        for family in self.families.values():
            if not family.samples:
                found[family.name] = set()
            for one in family.samples:
                found.setdefault(one.name, set()).update(one.labels)
        return found
