"""What all workers of a daemon share."""

from dataclasses import dataclass

from syncd.engine.daemon.board import Board
from syncd.engine.daemon.observing import Observer
from syncd.engine.daemon.sources import LiveSource
from syncd.engine.journal import Journal


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all workers share."""

    source: LiveSource
    journal: Journal
    board: Board
    observer: Observer
