"""Which reads are watched, within a number of connections. Pure."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from syncd.consul.planner import Reads
from syncd.core import globs

PathKind = Literal["folder", "key", "service", "catalog"]


@dataclass(frozen=True, slots=True, order=True)
class Path:
    """One thing that one blocking query can watch; a folder with all below it."""

    kind: PathKind
    name: str = ""

    def holds(self, other: "Path") -> bool:
        """Return True where what this watch brings shows every change of the other."""
        return self == other or (
            self.kind == "folder" and other.kind in ("folder", "key") and other.name.startswith(self.name)
        )


def paths(reads: Reads) -> list[Path]:
    """Return the paths of some reads, what cannot be merged first."""
    found = [Path("catalog")] if reads.catalog else []
    found += [Path("folder", name) for name in reads.folders] + [Path("key", name) for name in reads.keys]
    return found + [Path("service", name) for name in reads.services]


def best_merge(wanted: Collection[Path], refused: Collection[str]) -> str | None:
    """Return the deepest folder that would replace two watches or more, of equals the one that replaces most.

    None where no folder does.

    Args:
        refused: folders that must not be watched as a whole.
    """
    above = Counter(folder for path in wanted for folder in _above(path) if folder not in refused)
    useful = [(folder.count("/"), count, folder) for folder, count in above.items() if count > 1]
    return max(useful)[2] if useful else None


def merged(wanted: Collection[Path], folder: str) -> list[Path]:
    """Return the watches with those below `folder` replaced by the folder."""
    whole = Path("folder", folder)
    return [whole, *(path for path in wanted if not whole.holds(path))]


def _above(path: Path) -> list[str]:
    if path.kind not in ("folder", "key"):
        return []
    folder = globs.parent_folder(path.name.removesuffix("/") if path.kind == "folder" else path.name)
    found = [folder] if path.name else []
    while folder:
        folder = globs.parent_folder(folder[:-1])
        found.append(folder)
    return found
