"""Entries of the history: frozen values that the engine reads from the journal, and that commands and pages show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from syncd.core.model import Op

HistoryOutcome = Literal["found", "applied", "rolled_back", "failed", "restored"]
"""`found`: as it was when the history began. `failed`: a part of a push was refused, `changes` is what was carried out.
`restored`: check or probe refused it, and everything went back to what it was."""


@dataclass(frozen=True, slots=True)
class HistoryChange:
    """One create, update or delete that was carried out.

    Digests are the first 32 hex characters of SHA-256, those of sensitive values HMACs, None where there is none or no
    plan key. `old` and `new` are the values as far as they are kept and may be shown; files have a diff instead.
    """

    op: Op
    key: str
    old_digest: str | None
    new_digest: str | None
    sensitive: bool = False
    note: str = ""
    old: str | None = None
    new: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """What became of one target in one pass; `at` is in seconds since the epoch.

    `rolled_back_to` is the id of the entry whose content was put back. `sensitive`: the target holds sensitive values,
    so nothing of its content is kept.
    """

    id: int
    at: float
    target: str
    kind: str
    outcome: HistoryOutcome
    consul_index: int
    counts: Mapping[Op, int]
    sensitive: bool = False
    error: str | None = None
    rolled_back_to: int | None = None

    @property
    def why_no_way_back(self) -> str | None:
        """Why the target cannot be rolled back to this entry, None where it can."""
        if self.sensitive:
            return "no content is kept: the target holds sensitive values"
        if self.outcome == "restored":
            return "its content was refused, and did not stay in place"
        return None


@dataclass(frozen=True, slots=True)
class HistoryDetail:
    """One entry with its changes; `diff` is the unified diff of a file as it was applied, sensitive values masked."""

    entry: HistoryEntry
    changes: tuple[HistoryChange, ...]
    diff: str | None = None
