"""`syncd check`: what is wrong with config and templates; no target is touched."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from syncd.config.load import Loaded
from syncd.core.errors import Fault
from syncd.engine.allowances import too_much
from syncd.engine.deadline import Deadline
from syncd.engine.reading import Rendered, render_in_time
from syncd.engine.setup import Setup
from syncd.sources.base import Source

_MOUNTS = Path("/proc/self/mounts")


def faults_offline(setup: Setup, loaded: Loaded, names: Collection[str] | None = None) -> list[Fault]:
    """Return what is wrong with these targets, as far as it shows without Consul: templates that do not parse.

    Args:
        names: of targets, None for all.
    """
    found: list[Fault] = []
    for name, target in setup.targets.items():
        if names is not None and name not in names:
            continue
        for fault in getattr(target, "check", list)():
            found.append(fault if fault.line else loaded.fault(f"targets.{name}", fault.message))
    return found


async def faults_online(
    setup: Setup, loaded: Loaded, source: Source, deadline: Deadline
) -> tuple[list[str], list[Fault]]:
    """Return why targets cannot be rendered from what Consul holds now, one line each with the target's place.

    And what will work and should still be changed, now that it is known how much targets want.

    Raises:
        SourceUnavailable, SourceDenied: nothing could be read.
    """
    _, rendered = await render_in_time(source, list(setup.targets.values()), deadline)
    entries = {one.target.name: len(one.desired.entries) for one in rendered}
    return [line for one in rendered for line in _problems(one, loaded)], schedule_warnings(setup, loaded, entries)


def schedule_warnings(setup: Setup, loaded: Loaded, entries: Mapping[str, int]) -> list[Fault]:
    """Return where schedules ask more of an account than is free; a target whose entries are not known has few."""
    return [loaded.fault("targets", words) for words in too_much(setup, entries).values()]


def _problems(one: Rendered, loaded: Loaded) -> list[str]:
    desired = one.desired
    words = [desired.error] if desired.error else [f"key '{key}' has no value in Consul" for key in desired.missing]
    words += [f"{fault.key}: {fault.why}" for fault in desired.faults]
    if one.hidden is not None:
        words.append(one.hidden_why)
    return [str(loaded.fault(f"targets.{one.target.name}", text)) for text in words]


def warnings(loaded: Loaded) -> list[Fault]:
    """Return what will work and should still be changed: a state dir that cannot be written or does not last."""
    path = loaded.base_dir / loaded.config.state_dir
    while not path.exists():
        path = path.parent
    found = []
    if not os.access(path, os.W_OK | os.X_OK):
        found.append(loaded.fault("state_dir", f"{path} is not writable; give syncd the right, or name another folder"))
    if _file_system(path) == "tmpfs":
        found.append(
            loaded.fault("state_dir", "is on tmpfs, so what syncd owns and owes is forgotten at a restart; use a disk")
        )
    return found


def _file_system(path: Path) -> str:
    """Return the type of the file system that holds `path`, "" where the system does not tell."""
    best, kind = Path("/"), ""
    try:
        lines = _MOUNTS.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        fields = line.split(" ")
        mount = Path(fields[1].replace("\\040", " "))
        if path.resolve().is_relative_to(mount) and len(mount.parts) >= len(best.parts):
            best, kind = mount, fields[2]
    return kind
