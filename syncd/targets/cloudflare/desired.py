"""Which pairs a target wants, and which of them Workers KV would not take. Pure."""

from syncd.core import globs
from syncd.core.model import Desired, Entry, Item, KeyFault, Need
from syncd.core.snapshot import View
from syncd.targets.cloudflare import wire
from syncd.targets.cloudflare.config import Config


def needs(config: Config) -> frozenset[Need]:
    """Return what is read: each exact key, and the folder of each glob."""
    return frozenset(
        Need("folder", globs.fixed_folder(pattern)) if globs.is_glob(pattern) else Need("key", pattern)
        for pattern in config.keys
    )


def source_key(config: Config, entry_key: str) -> str | None:
    """Return the key, relative to the prefix, that an entry would come from; None where `keys` does not name it."""
    key = entry_key.removeprefix(config.key_prefix)
    if not entry_key.startswith(config.key_prefix):
        return None
    return key if any(globs.matches(pattern, key) for pattern in config.keys) else None


def desired(config: Config, view: View, owner: str) -> Desired:
    """Return the wanted pairs, the exact keys without a value, and the faults of single keys.

    A pair of ours whose key is missing or at fault is protected: it is deleted only when `keys` does not name it.
    """
    if (size := wire.metadata_bytes(owner)) > wire.MAX_METADATA_BYTES:
        return Desired(
            error=f"metadata is {size:,} bytes, Workers KV allows {wire.MAX_METADATA_BYTES:,}; shorten owner"
        )
    items, missing = _items(config, view)
    entries: dict[str, Entry] = {}
    faults: list[KeyFault] = []
    for key, item in sorted(items.items()):
        entry_key = config.key_prefix + key
        why = refused(config, entry_key, item)
        if why is not None:
            faults.append(KeyFault(entry_key, why))
        else:
            entries[entry_key] = _entry(entry_key, item)
    protect = [fault.key for fault in faults] + [config.key_prefix + key for key in missing]
    return Desired(entries=entries, missing=tuple(missing), faults=tuple(faults), protect=frozenset(protect))


def _items(config: Config, view: View) -> tuple[dict[str, Item], list[str]]:
    items: dict[str, Item] = {}
    missing: set[str] = set()
    for pattern in config.keys:
        if globs.is_glob(pattern):
            items.update(view.glob(pattern))
        elif (item := view.item(pattern)) is not None:
            items[pattern] = item
        else:
            missing.add(pattern)
    return items, sorted(missing)


def _entry(entry_key: str, item: Item) -> Entry:
    digest = wire.digest(item.value)
    return Entry(entry_key, digest, item.value, origins=(item,), sensitive=item.sensitive)


def refused(config: Config, entry_key: str, item: Item) -> str | None:
    """Return why Workers KV, or the config, would not take a pair; None where they do."""
    if item.sensitive and not config.allow_sensitive:
        return (
            "this target lists it in `keys`, but it matches `sensitive`: it is not sent to the edge, "
            "and a pair that is there stays; take it out of `keys`, or set allow_sensitive: true"
        )
    try:
        size = len(entry_key.encode())
    except UnicodeEncodeError:
        return "key is not valid Unicode, which Workers KV needs"
    if size > wire.MAX_KEY_BYTES:
        return f"key is {size:,} bytes, Workers KV allows {wire.MAX_KEY_BYTES}"
    if entry_key in ("", ".", ".."):
        return f"key '{entry_key}' is not allowed by Workers KV; rename it, or set key_prefix"
    if len(item.value) > wire.MAX_VALUE_BYTES:
        return f"value is {len(item.value):,} bytes, Workers KV allows {wire.MAX_VALUE_BYTES:,} (25 MiB)"
    return None
