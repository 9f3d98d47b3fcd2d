"""A graph as a tree of text: reloads, their targets, what feeds them; then, key by key, what a change sets off."""

from collections.abc import Iterator, Sequence

from syncd.core.graph.model import Fed, Feed, Graph
from syncd.core.report.lines import Line, counted

_WIDTH = 80


def lines(graph: Graph) -> Iterator[Line]:
    """Yield the whole graph."""
    for name, does in graph.reloads:
        members = [one for one in graph.targets if one.reload == name]
        yield Line(f"reload {name} ({does})", "title")
        yield from _branches(members)
    alone = [one for one in graph.targets if one.reload is None]
    if alone:
        yield Line("without a reload", "title")
        yield from _branches(alone)
    yield Line("")
    yield Line(f"what a change sets off (keys below {graph.prefix or 'the top'}):", "title")
    yield from _effects(graph)
    if not graph.rendered:
        yield Line("")
        yield Line("Consul was not asked: names that templates make up are not among these.", "dim")


def feed_words(feed: Feed) -> str:
    """Return what a feed is called: a key by its name alone."""
    return feed.name if feed.kind in ("key", "glob", "services") else f"{feed.kind} {feed.name}"


def effects(graph: Graph) -> dict[Feed, list[Fed]]:
    """Return the targets that each feed reaches, sorted by feed; keys that a glob brings count as keys of their own."""
    found: dict[Feed, list[Fed]] = {}
    for target in graph.targets:
        brought = [Feed("key", key) for _, keys in target.keys for key in keys]
        for feed in dict.fromkeys([*target.feeds, *brought]):
            found.setdefault(feed, []).append(target)
    return {feed: found[feed] for feed in sorted(found)}


def _branches(targets: Sequence[Fed]) -> Iterator[Line]:
    for number, target in enumerate(targets):
        last = number == len(targets) - 1
        what = f" → {target.what}" if target.what else ""
        yield Line(f"{'└─' if last else '├─'} {target.target} ({target.kind}){what}")
        stem = "   " if last else "│  "
        if target.note is not None:
            yield Line(f"{stem}! {target.note}", "bad")
        keys = dict(target.keys)
        for place, feed in enumerate(target.feeds):
            end = place == len(target.feeds) - 1
            count = f" ({counted(len(keys[feed.name]), 'key')})" if feed.kind == "glob" and feed.name in keys else ""
            yield Line(f"{stem}{'└─' if end else '├─'} {feed_words(feed)}{count}")


def _effects(graph: Graph) -> Iterator[Line]:
    for feed, targets in effects(graph).items():
        names = ", ".join(target.target for target in targets)
        reloads = ", ".join(dict.fromkeys(target.reload for target in targets if target.reload is not None))
        reached = f"→ {names}" + (f"; reload {reloads}" if reloads else "")
        name = feed_words(feed)
        if len(name) + len(reached) + 3 <= _WIDTH:
            yield Line(f"  {name} {reached}")
        else:
            yield Line(f"  {name}")
            yield Line(f"    {reached}")
