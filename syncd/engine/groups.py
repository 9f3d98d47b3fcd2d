"""Reload groups: from the config to the check, the reload and the probe that targets share."""

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from syncd.config import reloads as models
from syncd.core.digest import group_digest
from syncd.engine import files
from syncd.reloads import docker
from syncd.reloads.base import InTurn, Reload
from syncd.reloads.command import CommandReload, clean_environment
from syncd.reloads.http import HttpReload, Request
from syncd.reloads.probe import Port, Probe
from syncd.reloads.result_file import ResultFile
from syncd.reloads.signal import SignalReload


@dataclass(frozen=True, slots=True)
class ReloadGroup:
    """What the targets of one reload share: a check, a reload, the proof that it worked; each may be missing."""

    name: str
    check: Reload | None
    reload: Reload | None
    probe: Reload | None = None
    jitter_s: float = 0.0

    @property
    def owes(self) -> bool:
        """True where something is to be done after the files were checked."""
        return self.reload is not None or self.probe is not None


def build_group(
    name: str, config: models.Reload, outputs: Sequence[str], base_dir: Path, env: Mapping[str, str]
) -> ReloadGroup:
    """Return the reload group that a part of the config stands for; opens nothing.

    Args:
        outputs: the `path` of every target of the group.
    """
    child_env = clean_environment(env, config.env)

    def command(what: str, argv: Sequence[str]) -> Reload:
        return CommandReload(f"{what} of {name}", tuple(argv), base_dir, child_env, config.timeout)

    checks: list[Reload] = [command("check", config.check)] if config.check else []
    if config.result_file is not None:
        path, digest = _below(base_dir, config.result_file), _digest(base_dir, outputs)
        checks.append(ResultFile(f"check of {name}", path, digest, config.timeout))
    reload = command("reload", config.run) if config.run else _way(f"reload of {name}", config, base_dir)
    probe = None if config.probe is None else _probe(f"probe of {name}", config.probe, base_dir)
    return ReloadGroup(name, InTurn(tuple(checks)) if checks else None, reload, probe, config.jitter)


def _way(what: str, config: models.Reload, base_dir: Path) -> Reload | None:
    if config.signal is not None:
        pid_file = config.signal.pid_file
        return SignalReload(
            what,
            _number(config.signal.signal),
            None if pid_file is None else _below(base_dir, pid_file),
            config.signal.process,
        )
    if config.http is not None:
        request = _request(config.http, base_dir, config.http.method)
        return HttpReload(what, request, config.http.retries, config.timeout)
    if config.docker is not None:
        one = config.docker
        labels = docker.service_labels(one.service, one.project) if one.service else (one.label or "",)
        return docker.DockerReload(what, one.host, labels, _action(one), config.timeout)
    return None


def _action(config: models.DockerReload) -> docker.Action:
    if config.exec is not None:
        return docker.Exec(config.exec)
    return docker.Restart() if config.signal is None else docker.Signal(_number(config.signal))


def _probe(what: str, config: models.Probe, base_dir: Path) -> Probe:
    attempt = _request(config.http, base_dir).send if config.http is not None else Port(*config.address).connect
    return Probe(what, attempt, config.within)


def _request(config: models.HttpRequest, base_dir: Path, method: str = "GET") -> Request:
    given = {name: value.get_secret_value() for name, value in config.headers.items()}
    return Request(
        method,
        config.url,
        {name: value for name, value in given.items() if value},
        {name: _below(base_dir, path) for name, path in config.headers_file.items()},
        config.status,
    )


def _digest(base_dir: Path, outputs: Sequence[str]) -> Callable[[], str]:
    def digest() -> str:
        held = ((Path(output).name, files.read(files.real(base_dir / output))) for output in outputs)
        return group_digest((name, present.digest) for name, present in held if present is not None)

    return digest


def _number(name: str) -> signal.Signals:
    return signal.Signals[f"SIG{name}"]


def _below(base_dir: Path, path: str) -> Path:
    return Path(os.path.normpath(base_dir / path))
