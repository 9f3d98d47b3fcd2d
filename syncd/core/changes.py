"""What moved between two snapshots, and whom it concerns. Pure."""

from collections.abc import Set
from dataclasses import dataclass

from syncd.core import globs
from syncd.core.model import Need
from syncd.core.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Changed:
    """Visible keys, services and the catalog, as far as they changed."""

    keys: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    catalog: bool = False

    def __bool__(self) -> bool:
        return bool(self.keys or self.services or self.catalog)

    def touches(self, reads: Set[Need]) -> bool:
        """Return True where one of the reads gives something else now."""
        if self.catalog and Need("catalog") in reads:
            return True
        if any(Need("service", name) in reads for name in self.services):
            return True
        return any(Need("key", key) in reads or _in_folders(key, reads) for key in self.keys)


def _in_folders(key: str, reads: Set[Need]) -> bool:
    return any(Need("folder", folder) in reads for folder in globs.folders_above(key))


def between(old: Snapshot, new: Snapshot) -> Changed:
    """Return what changed from one snapshot to a later one, keys that became hidden or visible again included."""
    keys = {key for key in old.items.keys() | new.items.keys() if old.items.get(key) != new.items.get(key)}
    services = {
        name for name in old.services.keys() | new.services.keys() if old.services.get(name) != new.services.get(name)
    }
    return Changed(frozenset(keys | (old.hidden ^ new.hidden)), frozenset(services), old.catalog != new.catalog)
