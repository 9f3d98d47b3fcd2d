"""How a watched source is: which of its paths fail, since when, and whether it is only gone or cannot be trusted."""

import time

import structlog

from syncd.consul.budget import Path
from syncd.core.errors import NotConsul, SourceDenied, SyncdError
from syncd.core.status import SourceStatus

_log = structlog.get_logger()


class Health:
    """Collects failures and answers path by path; None stands for full readings.

    As long as one path fails the source is stale, however well the others do, and its last contact is the last moment
    at which nothing failed. What is wrong with each path is logged once until all is well, and so is that.
    """

    def __init__(self) -> None:
        self._failing: dict[Path | None, SyncdError] = {}
        self._contact_at: float | None = None
        self._stale_at: float | None = None
        self._distrusted_at: float | None = None
        self._logged: set[object] = set()
        self._errors = 0
        self._reconnects = 0
        self._cut: set[Path] = set()

    @property
    def reading_fails(self) -> bool:
        """True where the last full reading failed."""
        return None in self._failing

    def failed(self, path: Path | None, error: SyncdError) -> None:
        """Note a failure of one path, or of a full reading."""
        now = time.time()
        self._errors += 1
        if path is not None:
            self._cut.add(path)
        self._failing.pop(path, None)
        self._failing[path] = error  # the newest is the last
        self._stale_at = self._stale_at or now
        if self._distrusts():
            self._distrusted_at = self._distrusted_at or now
        said = {str(error), (path, type(error))}
        if said.isdisjoint(self._logged):
            _log.warning("source_stale", error=str(error), distrusted=self._distrusted_at is not None)
        self._logged |= said

    def heard(self, path: Path | None) -> None:
        """Note a believable answer of one path; one of a full reading ends every failure."""
        if path is None:
            self._failing.clear()
        else:
            self._failing.pop(path, None)
            self._reconnects += path in self._cut
            self._cut.discard(path)
        if not self._distrusts():
            self._distrusted_at = None
        if self._failing:
            return
        self._contact_at = time.time()
        if self._stale_at is not None:
            _log.info("source_ok", after_s=round(self._contact_at - self._stale_at, 1))
            self._stale_at = None
            self._logged.clear()

    def status(self, index: int, connections: int) -> SourceStatus:
        """Return how the source is now."""
        error = str(list(self._failing.values())[-1]) if self._failing else None
        state = "stale" if self._failing else "starting" if self._contact_at is None else "ok"
        return SourceStatus(
            state,  # type: ignore[arg-type]
            index,
            self._contact_at,
            error,
            connections,
            self._distrusted_at,
            errors=self._errors,
            reconnects=self._reconnects,
        )

    def _distrusts(self) -> bool:
        return any(isinstance(error, NotConsul | SourceDenied) for error in self._failing.values())
