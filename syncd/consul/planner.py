"""From needs to reads: as few as possible, and never a folder that nobody reads. Pure.

Names are relative to the prefix.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from syncd.consul.paths import addressable, encodable
from syncd.core import globs
from syncd.core.model import Need

TOP_SINGLES = 8
"""So many exact keys at the top of the prefix are read singly: the folder there is everything."""


@dataclass(frozen=True, slots=True)
class Reads:
    """What to ask Consul for: single keys, folders with all below them ("" or ending in `/`), services, the catalog."""

    keys: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    catalog: bool = False


def plan(
    needs: Iterable[Need],
    *,
    layer: str = "",
    read: frozenset[str] = frozenset(),
    denied: frozenset[str] = frozenset(),
) -> Reads:
    """Return the reads that answer `needs`.

    Args:
        layer: the overlay's folder without its last slash, such as `env/production`; "" for none.
        read: folders that were read already; nothing below them is asked for again.
        denied: folders that Consul refuses to list; keys in them are asked for singly.

    Returns:
        An exact key alone in its folder as a single read; two or more as their folder. Everything sorted.
    """
    wanted = set(needs)
    keys = readable((need.name for need in wanted if need.kind == "key"), layer)
    folders = {nearest(need.name) for need in wanted if need.kind == "folder"}
    if layer:
        folders = {folder for folder in folders if not folder.startswith("env/")}
        if keys or folders:
            folders.add(layer + "/")
    folders = _outermost((folders | _shared(keys, folders | read, denied)) - denied, read)
    alone = {key for key in keys if not _below(key, folders) and not _below(key, read)}
    return Reads(
        keys=tuple(sorted(alone)),
        folders=tuple(sorted(folders)),
        services=tuple(sorted(need.name for need in wanted if need.kind == "service")),
        catalog=any(need.kind == "catalog" for need in wanted),
    )


def readable(keys: Iterable[str], layer: str) -> set[str]:
    """Return the exact keys that can exist for a target: with an environment `env/` itself is invisible."""
    return {
        key
        for key in keys
        if key and not key.endswith("/") and encodable(key) and not (layer and key.startswith("env/"))
    }


def nearest(folder: str) -> str:
    """Return the folder, or the nearest one above it that a URL can name."""
    while not addressable(folder):
        folder = globs.parent_folder(folder[:-1])
    return folder


def _shared(keys: set[str], folders: set[str] | frozenset[str], denied: frozenset[str]) -> set[str]:
    """Return the folders in which enough exact keys are asked for to read them as a whole."""
    together: dict[str, int] = defaultdict(int)
    for key in keys:
        folder = globs.parent_folder(key)
        if addressable(folder) and folder not in denied and not _below(key, folders):
            together[folder] += 1
    return {folder for folder, count in together.items() if count > (1 if folder else TOP_SINGLES)}


def _outermost(folders: set[str], read: frozenset[str]) -> set[str]:
    return {
        folder
        for folder in folders
        if folder not in read and not _below(folder[:-1], read) and not (folder and _below(folder[:-1], folders))
    }


def _below(key: str, folders: set[str] | frozenset[str]) -> bool:
    """Return True where one of the folders holds the key, at any depth."""
    return any(folder in folders for folder in globs.folders_above(key))
