"""From a loaded configuration to the things that work: targets, reload groups, source, state dir."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from syncd.config import models
from syncd.config.load import Loaded
from syncd.core.errors import ConfigError, UsageError
from syncd.core.snapshot import Rules, Snapshot
from syncd.engine.credentials import Credentials
from syncd.engine.groups import ReloadGroup, build_group
from syncd.engine.reading import Target, is_file
from syncd.engine.redaction import Redaction
from syncd.engine.statedir import StateDir
from syncd.engine.templates import TemplateStore
from syncd.reloads import docker
from syncd.targets.base import Context, FileTargetConfig
from syncd.targets.registry import kinds


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that a pass works with."""

    config: models.Config
    config_file: Path
    config_digest: str
    base_dir: Path
    fingerprint: str
    targets: Mapping[str, Target]
    groups: Mapping[str, ReloadGroup]
    rules: Rules
    state: StateDir
    templates: TemplateStore
    credentials: Credentials

    def select(self, names: Sequence[str]) -> list[Target]:
        """Return the targets with these names, all of them for none, in config order.

        Raises:
            UsageError: no such target.
        """
        for name in names:
            if name not in self.targets:
                raise UsageError(f"--target {name}: no such target; the config has {', '.join(self.targets)}")
        return [target for name, target in self.targets.items() if not names or name in names]

    @property
    def outputs(self) -> list[Path]:
        """The paths of all files that targets write."""
        return [self.base_dir / one.config.path for one in self.targets.values() if is_file(one)]

    def redaction(self, snapshot: Snapshot) -> Redaction:
        """Return what takes the secrets out of words that are not ours."""
        return Redaction(snapshot, self.credentials.values)

    async def close(self) -> None:
        """Close the connections of remote targets."""
        for target in self.targets.values():
            if not is_file(target):
                await target.close()


def build(loaded: Loaded, env: Mapping[str, str], templates: TemplateStore | None = None) -> Setup:
    """Return what a loaded configuration stands for; opens nothing.

    Args:
        templates: what is known already of template files below the config file's folder.

    Raises:
        ConfigError: it needs a package that is not installed.
    """
    config, base_dir = loaded.config, loaded.base_dir
    faults = [
        loaded.fault(f"reloads.{name}.docker", "needs the package aiodocker; install syncd[docker]")
        for name, one in config.reloads.items()
        if one.docker is not None and not docker.is_installed()
    ]
    if faults:
        raise ConfigError(faults)
    templates = templates or TemplateStore(base_dir)
    state = StateDir(base_dir / config.state_dir)
    credentials = Credentials(config, base_dir, env, state.plan_key_file)
    context = Context(
        owner=config.owner,
        base_dir=base_dir,
        load_template=templates.load,
        env=credentials.without(env),
        owner_was=tuple(config.owner_was),
    )
    registered = kinds()
    targets = {name: registered[one.kind].make(name, one, context) for name, one in config.targets.items()}
    outputs = [(group_of(one), one.config.path) for one in targets.values() if is_file(one)]
    return Setup(
        config=config,
        config_file=base_dir / loaded.path.name,
        config_digest=loaded.digest,
        base_dir=base_dir,
        fingerprint=loaded.fingerprint,
        targets=targets,
        groups={
            name: build_group(name, one, [path for group, path in outputs if group == name], base_dir, env)
            for name, one in config.reloads.items()
        },
        rules=Rules(config.environment, tuple(config.sensitive), config.consul.lock_key),
        state=state,
        templates=templates,
        credentials=credentials,
    )


def is_file_kind(kind: str) -> bool:
    """Return True for a kind whose targets are one file each; False for one that this installation does not know."""
    registered = kinds()
    return kind in registered and issubclass(registered[kind].config, FileTargetConfig)


def group_of(target: Target) -> str | None:
    """Return the reload that a target's file shares, None for none."""
    return target.config.reload if is_file(target) else None


def transaction_name(target: Target) -> str:
    """Return the name of the transactions that write a target's file."""
    group = group_of(target)
    return f"reload:{group}" if group is not None else f"target:{target.name}"
