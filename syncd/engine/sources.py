"""Opens the source that a command reads: Consul as configured, or an exported file."""

from pathlib import Path

from syncd.consul.settings import Settings
from syncd.engine.deadline import Deadline
from syncd.engine.setup import Setup
from syncd.sources.base import Source


def open_source(setup: Setup, source_file: Path | None, deadline: Deadline) -> Source:
    """Return the source; nothing is connected yet.

    Args:
        source_file: a `consul kv export` file or seed YAML to read instead of Consul.

    Raises:
        ConfigError: the file, the token or a certificate cannot be used.
    """
    if source_file is not None:
        from syncd.sources.export import ExportSource

        return ExportSource(source_file, setup.config.consul.prefix, setup.rules)
    from syncd.sources.consul import ConsulSource

    return ConsulSource(consul_settings(setup), setup.rules, timeout_s=deadline.remaining_s() or 0.0)


def consul_settings(setup: Setup) -> Settings:
    """Return how the configured Consul is reached."""
    config, base_dir = setup.config.consul, setup.base_dir
    tls = config.tls
    return Settings(
        address=config.address,
        token=config.token.get_secret_value() if config.token is not None else None,
        token_file=_below(base_dir, config.token_file),
        prefix=config.prefix,
        datacenter=config.datacenter,
        ca_file=_below(base_dir, tls.ca_file),
        cert_file=_below(base_dir, tls.cert_file),
        key_file=_below(base_dir, tls.key_file),
        verify=tls.verify,
    )


def _below(base_dir: Path, path: str | None) -> Path | None:
    return None if path is None else base_dir / path
