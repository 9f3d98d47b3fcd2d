"""Where every part of one target comes from and how it stands: a dry run of that target, looked at part by part."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from syncd.config.words import suggest
from syncd.core.errors import SourceUnavailable, UsageError
from syncd.core.explain.model import Explained, Explanation, Origin, Part, Verdict, matching
from syncd.core.explain.verdicts import Standing, of_file, of_pair, whole
from syncd.core.history.lines import when
from syncd.core.model import Entry, Presence
from syncd.core.report.lines import obstacles
from syncd.core.report.model import TargetResult
from syncd.core.snapshot import View
from syncd.engine.deadline import Deadline
from syncd.engine.journal import Journal
from syncd.engine.once import planned
from syncd.engine.pausing import waits_of
from syncd.engine.planning import PassPlan
from syncd.engine.reading import Target, is_file
from syncd.engine.remembering import read_journal
from syncd.engine.render_limits import time_limit
from syncd.engine.setup import Setup
from syncd.engine.showing import Planned
from syncd.sources.base import Source
from syncd.targets.base import Explains

_NAMES_SHOWN = 20
_NOUNS = {"env_file": "variable", "cloudflare_kv": "pair", "template": "key, service or line"}

Locate = Callable[[str], str]
"""Returns `FILE:LINE:COL` of a dotted path of the config."""


async def explain(
    setup: Setup,
    source: Source,
    target: str,
    name: str | None,
    *,
    deadline: Deadline,
    env: Mapping[str, str],
    locate: Locate,
) -> Explanation:
    """Return where the parts of a target come from, and why they are or are not in sync; writes nothing.

    Args:
        name: of one variable or pair, of a key that feeds some, or a line of the file; None for all parts.

    Raises:
        UsageError: there is no such target, or nothing of that name in it.
        SyncdError: as `plan`.
    """
    if target not in setup.targets:
        raise UsageError(
            f"explain {target}: no such target; {suggest(target, setup.targets, 'the config has')}",
        )
    journal = read_journal(setup)
    try:
        found = await planned(setup, source, journal, [target], deadline, setup.state.plan_key(env))
        one = found.planned[0]
        standing = _standing(one, journal, setup)
        parts = [*_parts(one, found), *_unwanted(one, standing)]
        chosen = _chosen(parts, name, one.target, standing, setup.config.consul.prefix)
        chosen = await _with_layers(chosen, source, setup.rules.layer, deadline)
        return _explanation(setup, journal, found, standing, chosen, locate)
    finally:
        journal.close()


def _standing(one: Planned, journal: Journal, setup: Setup) -> Standing:
    written = {key: entry.digest for key, entry in journal.written(one.target.name).items()}
    wanted, present, text = one.rendered.desired.entries, dict(one.present or {}), None
    if one.file is not None:
        path, there = one.target.config.path, one.file.present
        wanted = one.file.desired.entries
        present = {} if there is None else {path: Entry(path, there.digest, owner=setup.config.owner)}
        text = "" if there is None else there.content.decode(errors="replace")
    policy = "sync" if is_file(one.target) else one.target.policy
    return Standing(one.plan, wanted, present, written, setup.config.owner, policy, text)


def _parts(one: Planned, found: PassPlan) -> Sequence[Part]:
    """Return the parts as the target tells them; of a kind that does not, its entries and what they were made from."""
    if isinstance(one.target, Explains):
        with time_limit():
            return one.target.parts(View(found.snapshot), View(found.snapshot, mask=True))
    return [
        Part(key, "pair", key, tuple(Origin(item.key, item) for item in entry.origins), sensitive=entry.sensitive)
        for key, entry in one.rendered.desired.entries.items()
    ]


def _unwanted(one: Planned, standing: Standing) -> Iterator[Part]:
    """Yield the pairs that are there and that nothing wants."""
    if not is_file(one.target):
        named = one.rendered.desired.entries.keys() | one.rendered.desired.protect
        for key in standing.present:
            if key not in named:
                yield Part(key, "pair", key)


def _chosen(parts: list[Part], name: str | None, target: Target, standing: Standing, prefix: str) -> list[Part]:
    ours = {change.key for change in standing.plan.changes} | standing.written.keys()
    if name is None:  # what others put beside our pairs is no part of the target
        return [
            part
            for part in parts
            if part.kind != "line" and (part.config or part.origins or part.places or part.entry in ours)
        ]
    found = matching([part for part in parts if part.kind != "line"], name, prefix)
    if not found and name.isdecimal():
        found = [part for part in parts if part.at is not None and part.at[0] <= int(name) <= part.at[1]]
    if found:
        return found
    noun = _NOUNS.get(target.kind, "entry")
    names = [part.name for part in parts if part.kind != "line"]
    told = suggest(name, names, "it has") if len(names) <= _NAMES_SHOWN else _many(name, names)
    lines = max((part.at[1] for part in parts if part.at is not None), default=0)
    of = f"; the file has {lines} lines" if lines and name.isdecimal() else ""
    raise UsageError(f"explain {target.name} {name}: no such {noun}{of}; {told}")


def _many(name: str, names: Sequence[str]) -> str:
    told = suggest(name, names, "it has")
    if told.startswith("did"):
        return told
    return f"it has {', '.join(sorted(names)[:_NAMES_SHOWN])} and {len(names) - _NAMES_SHOWN} more"


async def _with_layers(parts: list[Part], source: Source, layer: str, deadline: Deadline) -> list[Part]:
    """Return the parts, told of each overlaid key whether the base has one too; asked for by one consistent read."""
    asked = sorted({o.key for part in parts for o in part.origins if o.item is not None and o.item.layer})
    if not layer or not asked:
        return parts
    try:
        async with asyncio.timeout(deadline.remaining_s()):
            there = await source.confirm(asked)
    except TimeoutError as error:
        raise SourceUnavailable("the source did not answer in time; give a longer --timeout") from error

    def told(origin: Origin) -> Origin:
        overlaid = origin.item is not None and origin.item.layer
        return replace(origin, other=origin.key) if overlaid and there[origin.key] is Presence.PRESENT else origin

    return [replace(part, origins=tuple(map(told, part.origins))) for part in parts]


def _refused(one: Planned, journal: Journal) -> Iterator[str]:
    """Yield why what is pending is not in place, where a check or a probe refused the last that was tried."""
    for last in journal.history.entries((one.target.name,), 1) if one.plan.changes else ():
        if last.outcome == "restored":
            yield f"it was refused at {when(last.at)}: {last.error}"


def _explanation(
    setup: Setup, journal: Journal, found: PassPlan, standing: Standing, parts: Sequence[Part], locate: Locate
) -> Explanation:
    one = found.planned[0]
    target, plan = one.target, one.plan
    unreadable = plan.error is not None and one.rendered.desired.error is None
    reload = target.config.reload if is_file(target) else None
    why = [*obstacles(TargetResult(plan)), *plan.warnings, *_refused(one, journal)]
    if reload in journal.owed():
        why.append(f"reload {reload} is owed: {journal.owed()[reload]}; the next pass runs it")
    if (wait := waits_of(setup.state.pauses)(target)) is not None:
        why.append(wait.why)
    if (paused := setup.state.pauses.status()) is not None:
        why.append(paused.words())

    def verdict(part: Part) -> Verdict:
        if unreadable:
            return Verdict("unknown")
        return of_file(part, standing) if is_file(target) else of_pair(part, standing)

    def place(part: Part) -> str:
        return locate(f"targets.{target.name}.{part.config}") if part.config else ""

    return Explanation(
        target=target.name,
        kind=target.kind,
        what=target.config.path if is_file(target) else "",
        prefix=setup.config.consul.prefix,
        layer=setup.rules.layer,
        index=found.snapshot.index,
        verdict=Verdict("unknown", plan.error or "") if unreadable else whole(standing),
        why=tuple(why),
        parts=tuple(Explained(part, verdict(part), place(part)) for part in parts),
        reload=reload,
        unreadable=unreadable,
    )
