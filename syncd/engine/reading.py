"""From the source to what every target should hold: read what is needed, render, read what rendering asked for."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields, replace
from typing import Any

from typing_extensions import TypeIs

from syncd.core.changes import between
from syncd.core.errors import SourceUnavailable, TargetError
from syncd.core.model import Desired, Need
from syncd.core.snapshot import HiddenKey, NeedMore, Snapshot, View
from syncd.engine.aside import aside
from syncd.engine.deadline import Deadline
from syncd.engine.journal import Inputs
from syncd.engine.render_limits import RENDER_MAX_S, TooSlow, time_limit
from syncd.engine.templates import TemplateStore
from syncd.sources.base import Source
from syncd.targets.base import FileTarget, FileTargetConfig, RemoteTarget

Target = FileTarget | RemoteTarget
_MOST_ROUNDS = 100
_NO_END = f"asks for new folders again and again ({_MOST_ROUNDS} times); simplify the template"
AT_ONCE_S = 0.2
"""What a rendering may take in the event loop."""
_LATEST_S = 2 * RENDER_MAX_S
"""When a rendering in a process of its own is ended that its own time limit did not end."""
_slow: set[str] = set()
"""The targets that did not keep to `AT_ONCE_S` the last time."""


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
    overtaken: bool = False
    """True where some of what it read has changed since."""


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
                    done[target.name] = await render_aside(target, snapshot)
                except NeedMore as signal:
                    more |= signal.needs
        if not more:
            break
        needs = needs | more
        snapshot = await source.read(needs, snapshot)
    for target in targets:
        if target.name not in done:
            done[target.name] = Rendered(target, Desired(error=_NO_END), frozenset(), Inputs({}, {}))
    return snapshot, [done[target.name] for target in targets]


async def render_in_time(
    source: Source, targets: Sequence[Target], deadline: Deadline
) -> tuple[Snapshot, list[Rendered]]:
    """Do as `read_and_render`, by the deadline.

    Raises:
        SourceUnavailable, SourceDenied: as the source; or it did not answer in time.
    """
    try:
        async with asyncio.timeout(deadline.remaining_s()):
            return await read_and_render(source, targets)
    except TimeoutError as error:
        raise SourceUnavailable("Consul did not answer in time; check consul.address, or give --offline") from error


async def render_now(source: Source, target: Target, templates: TemplateStore) -> Rendered:
    """Return what one target should hold by what the source holds now; reads what rendering asks for.

    What is overtaken is rendered once more, and no more than that: who never caught up would never be applied.

    Args:
        templates: is told which template files were asked for, where another process did that.

    Raises:
        SourceUnavailable, SourceDenied: as the source.
        TargetError: the source does not give what it asks for.
    """
    needs, again = target.needs(), False
    for _ in range(_MOST_ROUNDS):
        snapshot = await source.read(needs)
        try:
            rendered = await render_aside(target, snapshot, templates)
        except NeedMore as more:
            if more.needs <= needs:
                raise TargetError(f"{target.name}: what it reads cannot be had from the source now") from more
            needs = needs | more.needs
            continue
        # Who renders aside may be overtaken, and nobody tells of a change before it is known what was read.
        newest = await source.read(needs)
        if newest is not snapshot and between(snapshot, newest).touches(rendered.reads):
            rendered = replace(rendered, overtaken=True)
        if again or not rendered.overtaken:
            return rendered
        again = True
    raise TargetError(f"{target.name}: {_NO_END}")


async def render_aside(target: Target, snapshot: Snapshot, templates: TemplateStore | None = None) -> Rendered:
    """Return what one target should hold, without keeping the event loop from others: the lock's renewal is among them.

    What is not done at once is done again in a process of its own, and so it is the next time.

    Raises:
        NeedMore: it reads something that the snapshot does not cover.
    """
    if target.name not in _slow:
        try:
            return render(target, snapshot, AT_ONCE_S)
        except TooSlow:
            _slow.add(target.name)
    try:
        made, marks, took_s = await aside(lambda: _made(target, snapshot, templates), _LATEST_S)
    except (TimeoutError, TargetError) as error:
        why = str(error) or f"rendering takes more than {_LATEST_S:g} s; make the template simpler"
        return Rendered(target, Desired(error=why), target.needs(), Inputs({}, {}), index=snapshot.index)
    overtaken = templates is not None and templates.asked(marks)
    if took_s < AT_ONCE_S / 2:
        _slow.discard(target.name)
    if isinstance(made, frozenset):
        raise NeedMore(made)
    return replace(Rendered(target, **made), overtaken=overtaken)


def _made(
    target: Target, snapshot: Snapshot, templates: TemplateStore | None
) -> tuple[dict[str, Any] | frozenset[Need], Mapping[str, Any], float]:
    """Return what `render` gives without the target, or what it needs more; the templates; the seconds it took."""
    began = time.monotonic()
    made: dict[str, Any] | frozenset[Need]
    noted: AbstractContextManager[Mapping[str, Any]] = nullcontext({}) if templates is None else templates.noting()
    with noted as marks:
        try:
            rendered = render(target, snapshot, RENDER_MAX_S)
            made = {one.name: getattr(rendered, one.name) for one in fields(rendered) if one.name != "target"}
        except NeedMore as signal:
            made = signal.needs
    return made, marks, time.monotonic() - began


def render(target: Target, snapshot: Snapshot, seconds: float) -> Rendered:
    """Return what one target should hold.

    Raises:
        NeedMore: it reads something that the snapshot does not cover.
        TooSlow: it takes more than `seconds`, and might be given more time.
    """
    view = View(snapshot)
    hidden, why = None, ""
    try:
        with time_limit(seconds):
            desired = target.desired(view, View(snapshot, mask=True))
    except HiddenKey as signal:
        hidden, why, desired = signal.key, signal.why, Desired()
    except TargetError as error:
        if isinstance(error, TooSlow) and seconds < RENDER_MAX_S:
            raise
        desired = Desired(error=str(error))
    keys: Mapping[str, str] = {key: item.layer for key, item in view.items.items()}
    services = {use.name: use.count for use in desired.services}
    lacks = snapshot.no_services if Need("catalog") in view.reads else None
    warning = None if lacks is None else f"services() is empty: {lacks}"
    return Rendered(
        target, desired, frozenset(view.reads), Inputs(keys, services), hidden, why, snapshot.index, warning
    )
