"""What feeds every target: as config and templates name it, or as a rendering of all of them reads it."""

from dataclasses import replace

from syncd.core.explain.model import Part
from syncd.core.globs import is_glob
from syncd.core.graph.model import Fed, Feed, FeedKind, Graph
from syncd.core.snapshot import Snapshot, View
from syncd.engine.deadline import Deadline
from syncd.engine.reading import Rendered, Target, is_file, render_in_time
from syncd.engine.render_limits import time_limit
from syncd.engine.setup import Setup, group_of
from syncd.sources.base import Source
from syncd.targets.base import Explains

_FEEDS: dict[str, FeedKind] = {"key": "key", "folder": "glob", "service": "service", "services": "services"}
_NEEDS: dict[str, FeedKind] = {"key": "key", "folder": "glob", "service": "service", "catalog": "services"}


def named(setup: Setup) -> Graph:
    """Return what the config and the templates name; a name that a template makes up is not among it."""
    return _graph(setup, tuple(_fed(target, _outline(target)) for target in setup.targets.values()), rendered=False)


async def read(setup: Setup, source: Source, deadline: Deadline) -> Graph:
    """Return what the targets read now; of one that cannot be rendered, what it names, and why.

    Raises:
        SourceUnavailable, SourceDenied: nothing could be read.
    """
    snapshot, rendered = await render_in_time(source, list(setup.targets.values()), deadline)
    return _graph(setup, tuple(_read(one, snapshot) for one in rendered), rendered=True)


def _graph(setup: Setup, targets: tuple[Fed, ...], *, rendered: bool) -> Graph:
    does = []
    for name, config in setup.config.reloads.items():
        ways = [way for way in ("check", "run", "signal", "http", "docker", "probe") if getattr(config, way, None)]
        does.append((name, ", ".join(ways)))
    return Graph(setup.config.consul.prefix, targets, tuple(does), rendered)


def _fed(target: Target, feeds: tuple[Feed, ...], keys: dict[str, tuple[str, ...]] | None = None) -> Fed:
    what = target.config.path if is_file(target) else ""
    return Fed(target.name, target.kind, what, feeds, group_of(target), tuple((keys or {}).items()))


def _outline(target: Target) -> tuple[Feed, ...]:
    """Return what a target names; of a kind that does not tell, what it reads for sure."""
    if isinstance(target, Explains):
        return target.outline()
    return tuple(
        Feed(_NEEDS[need.kind], f"{need.name}**" if need.kind == "folder" else need.name or "services()")
        for need in sorted(target.needs())
    )


def _read(one: Rendered, snapshot: Snapshot) -> Fed:
    target = one.target
    outline = _outline(target)
    parts: tuple[Part, ...] = ()
    if isinstance(target, Explains):
        with time_limit():
            parts = target.parts(View(snapshot), View(snapshot, mask=True))
    failed = one.desired.error or one.hidden_why or None
    rendered = any(part.places for part in parts) and failed is None
    keys: dict[str, tuple[str, ...]] = {feed.name: () for feed in outline if feed.kind == "glob" and not rendered}
    found = [feed for feed in outline if feed.kind == "template" or not rendered]
    for part in parts:
        if part.via is not None and is_glob(part.via):
            keys[part.via] = (*keys.get(part.via, ()), *(origin.key for origin in part.origins))
        elif rendered and part.kind in _FEEDS:
            found.append(Feed(_FEEDS[part.kind], part.name))
    feeds = dict.fromkeys([*found, *(Feed("glob", name) for name in keys)])
    return replace(_fed(target, tuple(feeds), keys), note=failed)
