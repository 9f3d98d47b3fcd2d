"""From the source to what every target should hold: read what is needed, render, read what rendering asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from typing_extensions import TypeIs

from syncd.core.errors import TargetError
from syncd.core.model import Desired, Need
from syncd.core.snapshot import HiddenKey, NeedMore, Snapshot, View
from syncd.engine.journal import Inputs
from syncd.engine.render_limits import time_limit
from syncd.sources.base import Source
from syncd.targets.base import FileTarget, FileTargetConfig, RemoteTarget

Target = FileTarget | RemoteTarget
_MOST_ROUNDS = 100


def is_file(target: Target) -> TypeIs[FileTarget]:
    """Return True for a target that is one file, False for one behind an API."""
    return isinstance(target.config, FileTargetConfig)


@dataclass(frozen=True, slots=True)
class Rendered:
    """What one target should hold, what it read for that, and the key that the source keeps from us, if any."""

    target: Target
    desired: Desired
    reads: frozenset[Need]
    inputs: Inputs
    hidden: str | None = None
    hidden_why: str = ""
    index: int = 0
    """The Consul index of the snapshot it was made from."""
    warning: str | None = None


async def read_and_render(
    source: Source, targets: Sequence[Target], known: Snapshot | None = None
) -> tuple[Snapshot, list[Rendered]]:
    """Return a snapshot that covers what the targets read, and what each of them should hold.

    Raises:
        SourceUnavailable, SourceDenied: as the source.
    """
    needs = frozenset[Need]().union(*(target.needs() for target in targets))
    snapshot = await source.read(needs, known)
    done: dict[str, Rendered] = {}
    for _ in range(_MOST_ROUNDS):
        more: set[Need] = set()
        for target in targets:
            if target.name not in done:
                try:
                    done[target.name] = render(target, snapshot)
                except NeedMore as signal:
                    more |= signal.needs
        if not more:
            break
        needs = needs | more
        snapshot = await source.read(needs, snapshot)
    for target in targets:
        if target.name not in done:
            error = f"asks for new folders again and again ({_MOST_ROUNDS} times); simplify the template"
            done[target.name] = Rendered(target, Desired(error=error), frozenset(), Inputs({}, {}))
    return snapshot, [done[target.name] for target in targets]


def render(target: Target, snapshot: Snapshot) -> Rendered:
    """Return what one target should hold.

    Raises:
        NeedMore: it reads something that the snapshot does not cover.
    """
    view = View(snapshot)
    hidden, why = None, ""
    try:
        with time_limit():
            desired = target.desired(view, View(snapshot, mask=True))
    except HiddenKey as signal:
        hidden, why, desired = signal.key, signal.why, Desired()
    except TargetError as error:
        desired = Desired(error=str(error))
    keys: Mapping[str, str] = {key: item.layer for key, item in view.items.items()}
    services = {use.name: use.count for use in desired.services}
    lacks = snapshot.no_services if Need("catalog") in view.reads else None
    warning = None if lacks is None else f"services() is empty: {lacks}"
    return Rendered(
        target, desired, frozenset(view.reads), Inputs(keys, services), hidden, why, snapshot.index, warning
    )
