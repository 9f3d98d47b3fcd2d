"""Another configuration for a running daemon: read, checked and planned before anything of it is in use."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from syncd.config.load import Loaded
from syncd.config.models import Config
from syncd.core.errors import ConfigError, Refused
from syncd.core.model import Plan
from syncd.core.status import TargetStatus
from syncd.engine.checking import faults_offline
from syncd.engine.daemon.crew import Crewed, grouped
from syncd.engine.deadline import Deadline
from syncd.engine.journal import Journal
from syncd.engine.planning import plan_target
from syncd.engine.reading import Target, is_file, read_and_render
from syncd.engine.setup import Setup, build
from syncd.engine.sources import open_source
from syncd.web.listening import ensure_free

_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A configuration that has no fault in itself, beside the one in use.

    `setup` holds what is in use already where that stays as it is. `fresh` are the workers that it needs anew and
    `gone` those of the old one that it does not need; with `new_ground` all of them, the source and the status port.
    """

    setup: Setup
    new_ground: bool
    fresh: frozenset[Crewed]
    gone: frozenset[Crewed]


def candidate(loaded: Loaded, running: Setup, env: Mapping[str, str], before: Mapping[str, TargetStatus]) -> Candidate:
    """Return what a newly loaded configuration asks for.

    Args:
        before: how the targets are now.

    Raises:
        ConfigError: a template of a target that is well now has a fault, a package is missing, the status port is
            taken, it needs a restart, or a target that is paused would be written under another name.
    """
    if loaded.config.state_dir != running.config.state_dir:
        raise ConfigError([loaded.fault("state_dir", "cannot change while syncd runs; restart it")])
    new_ground = _ground(loaded.config) != _ground(running.config)
    http = loaded.config.http
    if http is not None and (running.config.http is None or running.config.http.address[1] != http.address[1]):
        ensure_free(http.address)  # on the same port we stand in our own way; `Daemon` goes back where that fails
    setup = build(loaded, env, None if new_ground else running.templates)
    old, new = grouped(running), grouped(setup)
    same = frozenset() if new_ground else frozenset(name for name in new if _is_same(name, running, setup))
    fresh = {target.name for name in new.keys() - same for target in new[name]}
    faults = faults_offline(setup, loaded, {name for name in fresh if _was_well(before.get(name))})
    faults += [
        loaded.fault(f"targets.{new_name}", f"would write what the paused target '{name}' writes; resume {name} first")
        for name in running.state.pauses.targets()
        if name in running.targets and name not in setup.targets
        for new_name in sorted(fresh)
        if _place(running.targets[name]) == _place(setup.targets[new_name])
    ]
    if faults:
        raise ConfigError(faults)
    kept = {target.name: target for name in same for target in old[name]}
    groups = {name: running.groups[name] if (name, "") in same else group for name, group in setup.groups.items()}
    return Candidate(
        replace(setup, targets={**setup.targets, **kept}, groups=groups),
        new_ground,
        frozenset(new) - same,
        frozenset(old) - same,
    )


@asynccontextmanager
async def unused_is_closed(found: Candidate, running: Setup) -> AsyncIterator[None]:
    """Close what a candidate opened for itself where the block fails: it does not come in use."""
    try:
        yield
    except BaseException:
        for name, target in found.setup.targets.items():
            if not is_file(target) and running.targets.get(name) is not target:
                await target.close()
        raise


async def rehearse(
    found: Candidate, before: Mapping[str, TargetStatus], journal: Journal, source_file: Path | None
) -> None:
    """Plan every target that would change, from a reading of its own; nothing is changed.

    Raises:
        Refused: a target that is well now, or is new, could not be brought or kept in line.
        SourceUnavailable, SourceDenied: nothing could be read.
    """
    setup = found.setup
    fresh = [target for name in found.fresh for target in grouped(setup)[name]]
    if not fresh:
        return
    names = [target.name for target in sorted(fresh, key=lambda one: not is_file(one))]
    deadline = Deadline(_WITHIN_S)
    source = open_source(setup, source_file, deadline)
    try:
        _, rendered = await read_and_render(source, [setup.targets[name] for name in names])
        problems: list[str] = []
        for one in rendered:
            if problems and not is_file(one.target):
                break  # it is refused: nobody needs to ask an API for that, again and again
            planned = await plan_target(setup, source, journal, one, left_over={}, within_s=deadline.wait_s())
            if _was_well(before.get(one.target.name)) and (why := _trouble(planned.plan)):
                problems.append(f"{one.target.name}: {why}")
    finally:
        await source.close()
    if problems:
        raise Refused("; ".join(problems))


def _ground(config: Config) -> Config:
    """Return all of a configuration that every target stands on."""
    return config.model_copy(update={"targets": {}, "reloads": {}})


def _is_same(name: Crewed, old: Setup, new: Setup) -> bool:
    """Return whether a worker's targets, and the reload that they share, are configured as they were."""
    before, after = grouped(old).get(name, []), grouped(new)[name]
    group = name[0]
    if group is not None and old.config.reloads.get(group) != new.config.reloads[group]:
        return False
    return {one.name: one.config for one in before} == {one.name: one.config for one in after}


def _place(target: Target) -> tuple[str, ...]:
    """Return where a target writes: a file's path, or the namespace and what its keys begin with."""
    fields = ("kind", "path") if is_file(target) else ("kind", "account_id", "namespace_id", "key_prefix")
    return tuple(str(getattr(target.config, field, "")) for field in fields)


def _was_well(status: TargetStatus | None) -> bool:
    return status is None or status.state in ("in_sync", "pending")


def _trouble(plan: Plan) -> str | None:
    """Return why a plan could not be carried out as a whole, None where it could."""
    if plan.error is not None:
        return plan.error
    if plan.missing_keys:
        return f"key '{plan.missing_keys[0]}' has no value"
    faults = [f"{fault.key}: {fault.why}" for fault in plan.faults]
    conflicts = [f"{conflict.key}: {conflict.why}" for conflict in plan.conflicts]
    return next(iter((*plan.held, *plan.unsafe, *faults, *conflicts)), None)
