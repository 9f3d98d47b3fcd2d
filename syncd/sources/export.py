"""A file as a source: an export of Consul's keys, or a seed; the same keys give the same bytes as the live Consul."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from syncd.core.model import Instance, Need, Presence, RawKey
from syncd.core.snapshot import Rules, Snapshot, layered
from syncd.sources.files import read_text
from syncd.sources.kv_export import parse_export
from syncd.sources.seed import Seed, parse_seed


def load_seed(path: Path) -> Seed:
    """Return what an export (it begins with `[`) or a seed file holds; keys are absolute.

    Raises:
        ConfigError: all that is wrong with it, each with its place.
    """
    text = read_text(path)
    if text.lstrip()[:1] == "[":
        return Seed(parse_export(text, str(path)))
    return parse_seed(text, str(path))


class ExportSource:
    """Reads snapshots from a file; a new pass (`known` is None) reads it anew."""

    def __init__(self, path: Path, prefix: str, rules: Rules) -> None:
        self._path = path
        self._prefix = prefix
        self._rules = rules
        self._seed: Seed | None = None

    async def read(self, needs: frozenset[Need], known: Snapshot | None = None) -> Snapshot:
        """Return a snapshot of everything in the file; see `Source.read`.

        Raises:
            ConfigError: the file cannot be read or holds faults.
        """
        if self._seed is None or known is None:
            self._seed = load_seed(self._path)
        return Snapshot(
            items=layered(self._keys(self._seed), self._rules),
            services=self._services(self._seed, needs) | dict(known.services if known else {}),
            catalog=_catalog(self._seed.services or {}),
            covers=needs | {Need("folder", "")} | (known.covers if known else frozenset()),
            no_services=self._why_no_services(self._seed),
        )

    async def confirm(self, keys: Sequence[str]) -> Mapping[str, Presence]:
        """Return what the file says of each key; see `Source.confirm`."""
        if self._seed is None:
            self._seed = load_seed(self._path)
        held = {one.key for one in self._keys(self._seed)}
        return {key: Presence.PRESENT if key in held else Presence.GONE for key in keys}

    async def close(self) -> None:
        """Nothing is open."""

    def _keys(self, seed: Seed) -> list[RawKey]:
        cut = len(self._prefix)
        return [RawKey(one.key[cut:], one.value, 0) for one in seed.keys if one.key.startswith(self._prefix)]

    def _services(self, seed: Seed, needs: frozenset[Need]) -> dict[str, tuple[Instance, ...]]:
        held = seed.services or {}
        return {need.name: held.get(need.name, ()) for need in needs if need.kind == "service"}

    def _why_no_services(self, seed: Seed) -> str | None:
        if seed.services is not None:
            return None
        return f"{self._path} holds no services; a seed with `services:` can, and Consul does"


def _catalog(services: Mapping[str, Sequence[Instance]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(sorted({tag for one in services[name] for tag in one.tags})) for name in sorted(services)}
