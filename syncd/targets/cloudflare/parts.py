"""Where each wanted pair comes from. Pure."""

from syncd.core import globs
from syncd.core.explain.model import Origin, Part, shown
from syncd.core.snapshot import HiddenKey, View
from syncd.targets.cloudflare.config import Config
from syncd.targets.cloudflare.desired import refused


def parts(config: Config, view: View) -> tuple[Part, ...]:
    """Return a part for each pair that `keys` names, those that cannot be had too, in key order."""
    found: dict[str, Part] = {}
    for number, pattern in enumerate(config.keys):
        for origin in _origins(pattern, view):
            if origin.key not in found:
                via = pattern if globs.is_glob(pattern) else None
                found[origin.key] = _part(config, origin, via, f"keys.{number}")
    return tuple(found[key] for key in sorted(found))


def _origins(pattern: str, view: View) -> list[Origin]:
    try:
        if globs.is_glob(pattern):
            return [Origin(key, item) for key, item in view.glob(pattern).items()]
        return [Origin(pattern, view.item(pattern))]
    except HiddenKey as hidden:
        return [Origin(pattern, hidden=hidden.why)]


def _part(config: Config, origin: Origin, via: str | None, place: str) -> Part:
    entry, item = config.key_prefix + origin.key, origin.item
    sensitive = item is not None and item.sensitive
    return Part(
        entry,
        "pair",
        entry,
        (origin,),
        via,
        value=shown(item),
        sensitive=sensitive,
        fault=origin.hidden or (None if item is None else refused(config, entry, item)),
        config=place,
    )
