"""The shipped config.yaml for the demo: as it is, on servers and ports of its own."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from syncd.config.load import Loaded, load
from syncd.config.models import Config, Http
from syncd.config.reloads import WAYS
from syncd.core.errors import ConfigError, Fault
from syncd.dev.serve import HOST
from syncd.targets.base import TargetConfig
from syncd.targets.registry import configs

SEED = "seed.yaml"
ENVIRONMENT = "development"
OWNER = "syncd-demo"
"""Not the config's: so the demo takes no file of a real run for its own, nor the other way round."""
STATE_DIR = "out/.demo"
"""Beside what it wrote: `rm -r out` removes both, and one without the other is worth nothing."""


def seed_beside(config: Path) -> Path:
    """Return the seed that belongs to a config file.

    Raises:
        ConfigError: one of the two is not there.
    """
    seed = config.parent / SEED
    advice = (
        "is not here; the demo runs on the files that come with syncd: run it in an empty folder, which gets them, "
        "or in a checkout, or give its config by -c"
    )
    faults = [Fault(str(path), 0, 0, "", advice) for path in (config, seed) if not path.is_file()]
    if faults:
        raise ConfigError(faults)
    return seed


def load_for_demo(path: Path, env: Mapping[str, str], *, status_port: int, nginx_port: int) -> Loaded:
    """Return the config with the demo's owner, state dir and ports; all else is what the file says.

    Args:
        env: what `${VAR}` may read, with the addresses of the demo's own servers.

    Raises:
        ConfigError: it has faults, or leads to servers that are not the demo's.
    """
    loaded = load(path, configs(), env)
    foreign = [loaded.fault(where, _ADVICE.format(name)) for where, name in _foreign(loaded.config, env)]
    if foreign:
        raise ConfigError(foreign)
    config = loaded.config
    targets = {name: _listening(target, nginx_port) for name, target in config.targets.items()}
    changed: dict[str, Any] = {
        "owner": OWNER,
        "state_dir": STATE_DIR,
        "http": Http(listen=f"{HOST}:{status_port}"),
        "targets": targets,
    }
    return replace(loaded, config=config.model_copy(update=changed))


_ADVICE = "is not taken from ${{{}}}, so the demo would touch what is not its own; run it with the shipped config.yaml"


def _foreign(config: Config, env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield (dotted path, variable) of every address and command that is not the demo's."""
    if config.consul.address != env["CONSUL_HTTP_ADDR"]:
        yield "consul.address", "CONSUL_HTTP_ADDR"
    for name, target in config.targets.items():
        if getattr(target, "base_url", env["CLOUDFLARE_BASE_URL"]) != env["CLOUDFLARE_BASE_URL"]:
            yield f"targets.{name}.base_url", "CLOUDFLARE_BASE_URL"
    for name, reload in config.reloads.items():
        for field in ("check", "probe", *WAYS):
            does = getattr(reload, field)
            if does is not None and not (isinstance(does, tuple) and env["NGINX"] in does):
                yield f"reloads.{name}.{field}", "NGINX"


def _listening(target: TargetConfig, port: int) -> TargetConfig:
    """Return a target whose variable `listen`, if it has one, is the demo's port."""
    variables = getattr(target, "vars", {})
    if target.kind != "template" or "listen" not in variables:
        return target
    return target.model_copy(update={"vars": {**variables, "listen": f"{HOST}:{port}"}})
