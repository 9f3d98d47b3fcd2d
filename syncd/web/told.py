"""What the server shows of a daemon, and where it has that from."""

from collections.abc import Sequence
from typing import Protocol

from syncd.core.history.model import HistoryDetail, HistoryEntry
from syncd.core.model import Plan
from syncd.core.status import Status


class Told(Protocol):
    """A daemon as the web sees it: it is asked, and nothing of it can be changed."""

    def status(self) -> Status:
        """How everything is now."""
        ...

    def metrics(self) -> tuple[bytes, str]:
        """The metrics and their content type."""
        ...

    async def plan(self, target: str) -> Plan | None:
        """The newest plan of a target, as `syncd plan` shows it; None where there is no such target, or no plan yet."""
        ...

    def history(self) -> Sequence[HistoryEntry]:
        """The last changes of all targets, the newest first."""
        ...

    def change(self, number: int) -> HistoryDetail | None:
        """One of all changes that are kept, None where it is not."""
        ...
