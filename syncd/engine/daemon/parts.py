"""What a daemon consists of, made from one configuration; nothing is connected yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from syncd.core.changes import Changed
from syncd.core.status import ConfigStatus, Freshness, TargetStatus
from syncd.engine import whereabouts
from syncd.engine.daemon.board import Board
from syncd.engine.daemon.crew import Crew
from syncd.engine.daemon.last_good import last_good_of
from syncd.engine.daemon.notifying import Notifier
from syncd.engine.daemon.observing import Observer, Observers
from syncd.engine.daemon.sources import RunningSource, open_live
from syncd.engine.daemon.stand_in import StandIn
from syncd.engine.daemon.surroundings import Surroundings
from syncd.engine.journal import Journal
from syncd.engine.leadership import Leadership, leadership_of
from syncd.engine.reading import is_file
from syncd.engine.setup import Setup


@dataclass(slots=True)
class Lasting:
    """What outlives a change of configuration.

    `started_at` is in seconds since the epoch; `targets` is what is known of targets of these names, such as when they
    were applied.
    """

    journal: Journal
    started_at: float
    config: ConfigStatus
    notifier: Notifier
    targets: Mapping[str, TargetStatus] = field(default_factory=dict)
    observers: Sequence[Observer] = ()


@dataclass(frozen=True, slots=True)
class Parts:
    """The source, the workers, the board they note things on, the lock, and what stands in for an absent source."""

    source: RunningSource
    board: Board
    crew: Crew
    leadership: Leadership | None
    stand_in: StandIn | None


def build(setup: Setup, source_file: Path | None, lasting: Lasting) -> Parts:
    """Return the parts of a daemon, and note where it listens.

    Args:
        source_file: an exported file in place of Consul.

    Raises:
        ConfigError: the token, a certificate or the source file cannot be used.
    """
    whereabouts.note(setup.state.path, setup.config)
    stand_in: StandIn | None = None

    def changed(change: Changed) -> None:
        if stand_in is not None:
            stand_in.changed()
        crew.changed(change)

    source = open_live(setup, source_file, changed)
    if source_file is None:
        source = stand_in = StandIn(source, last_good_of(setup), lambda: _well(board))
    leadership = leadership_of(setup, "run", lambda: crew.reconcile(remote_only=True))
    board = Board(
        lasting.started_at,
        Freshness(2 * setup.config.consul.wait + 30, 2 * setup.config.reconcile.interval),
        lambda: source.status,
        lambda: leadership.status if leadership is not None else None,
        lasting.config,
        setup.state.pauses.status,
    )
    board.list(kinds(setup), remote(setup), lasting.targets)
    shared = Surroundings(source, lasting.journal, board, Observers(lasting.observers))
    crew = Crew(shared, leadership.lease if leadership is not None else None)
    return Parts(source, board, crew, leadership, stand_in)


def last_applied(setup: Setup, journal: Journal) -> dict[str, TargetStatus]:
    """Return what the history tells a new process of its targets: when they were applied."""
    at = journal.history.last_applied()
    return {
        name: TargetStatus(name, kind, last_applied_at=at[name]) for name, kind in kinds(setup).items() if name in at
    }


def kinds(setup: Setup) -> dict[str, str]:
    """Return the kind of each target, in config order."""
    return {name: target.kind for name, target in setup.targets.items()}


def remote(setup: Setup) -> set[str]:
    """Return the targets that only the holder of the lock writes."""
    return {name for name, target in setup.targets.items() if not is_file(target)}


def _well(board: Board) -> bool:
    """Return True where every target works from what the source holds now."""
    status = board.status()
    return status.source.state == "ok" and not any(one.state in ("held", "unsafe") for one in status.targets)
