"""From a loaded configuration to the things that work: targets, reload groups, source, state dir."""

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from syncd.config import models
from syncd.config.load import Loaded
from syncd.core.errors import UsageError
from syncd.core.snapshot import Rules
from syncd.engine.reading import Target, is_file
from syncd.engine.statedir import StateDir
from syncd.engine.templates import TemplateStore
from syncd.reloads.base import Reload
from syncd.reloads.command import CommandReload, clean_environment
from syncd.reloads.signal import SignalReload
from syncd.targets.base import Context
from syncd.targets.registry import kinds


@dataclass(frozen=True, slots=True)
class ReloadGroup:
    """What the targets of one reload share: a check, a reload; either may be missing."""

    name: str
    check: Reload | None
    reload: Reload | None


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that a pass works with."""

    config: models.Config
    base_dir: Path
    fingerprint: str
    targets: Mapping[str, Target]
    groups: Mapping[str, ReloadGroup]
    rules: Rules
    state: StateDir

    def select(self, names: Sequence[str]) -> list[Target]:
        """Return the targets with these names, all of them for none, in config order.

        Raises:
            UsageError: no such target.
        """
        for name in names:
            if name not in self.targets:
                raise UsageError(f"--target {name}: no such target; the config has {', '.join(self.targets)}")
        return [target for name, target in self.targets.items() if not names or name in names]

    async def close(self) -> None:
        """Close the connections of remote targets."""
        for target in self.targets.values():
            if not is_file(target):
                await target.close()


def build(loaded: Loaded, env: Mapping[str, str]) -> Setup:
    """Return what a loaded configuration stands for; opens nothing."""
    config, base_dir = loaded.config, loaded.base_dir
    context = Context(
        owner=config.owner,
        base_dir=base_dir,
        load_template=TemplateStore(base_dir).load,
        env=env,
        owner_was=tuple(config.owner_was),
    )
    registered = kinds()
    return Setup(
        config=config,
        base_dir=base_dir,
        fingerprint=loaded.fingerprint,
        targets={name: registered[one.kind].make(name, one, context) for name, one in config.targets.items()},
        groups={name: _group(name, one, base_dir, env) for name, one in config.reloads.items()},
        rules=Rules(config.environment, tuple(config.sensitive)),
        state=StateDir(base_dir / config.state_dir),
    )


def group_of(target: Target) -> str | None:
    """Return the reload that a target's file shares, None for none."""
    return target.config.reload if is_file(target) else None


def _group(name: str, config: models.Reload, base_dir: Path, env: Mapping[str, str]) -> ReloadGroup:
    child_env = clean_environment(env, config.env)

    def command(what: str, argv: Sequence[str]) -> Reload:
        return CommandReload(f"{what} of {name}", tuple(argv), base_dir, child_env, config.timeout)

    check = command("check", config.check) if config.check else None
    reload: Reload | None = None
    if config.run:
        reload = command("reload", config.run)
    elif config.signal is not None:
        pid_file = config.signal.pid_file
        reload = SignalReload(
            f"reload of {name}",
            signal.Signals[f"SIG{config.signal.signal.removeprefix('SIG')}"],
            None if pid_file is None else Path(os.path.normpath(base_dir / pid_file)),
            config.signal.process,
        )
    return ReloadGroup(name, check, reload)
