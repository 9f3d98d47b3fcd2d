"""The last known good on disk: what the source held when all was well, for a start while the source is away.

Sensitive values are not in it, only the names of their keys. The file is replaced as a whole; a marker beside it stands
from the first change that it does not have until it is written again, so that a killed daemon's older file is known.
"""

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import structlog

from syncd.core.model import Instance, Item, Need, NeedKind, Plan
from syncd.core.snapshot import Rules, Snapshot
from syncd.engine.journal import Written
from syncd.engine.setup import Setup

FORMAT = 1
MAX_BYTES = 64 * 1024 * 1024
"""What is larger is not kept: the values of 100,000 keys of 600 bytes fit."""

_TITLE = b"syncd last known good"
_BATCH = 500
"""Items that are encoded at a stretch, in a thread: the event loop goes on in between."""
_log = structlog.get_logger()

_Pair = tuple[str, bytes, int, str]
"""key, value, ModifyIndex, layer."""


class Identity(msgspec.Struct, frozen=True):
    """What a last known good must be of to be ours."""

    owner: str
    prefix: str
    environment: str | None
    datacenter: str | None


class _Head(msgspec.Struct):
    identity: Identity
    saved_at: float
    index: int
    partial: bool
    layer: str
    covers: list[tuple[NeedKind, str]]
    hidden: list[str]
    denied: list[str]
    withheld: list[str]
    services: dict[str, tuple[Instance, ...]]
    catalog: dict[str, tuple[str, ...]] | None


@dataclass(frozen=True, slots=True)
class Kept:
    """A last known good and when it was saved (seconds since the epoch)."""

    snapshot: Snapshot
    saved_at: float


class Unusable(Exception):
    """The file is not one that this syncd can read; the words say why."""


class LastGood:
    """The file and its marker in one state dir. No method raises: what cannot be kept is said in the log."""

    def __init__(self, folder: Path, identity: Identity, rules: Rules) -> None:
        self.path = folder / "last_good"
        self._marker = folder / "last_good.behind"
        self._identity = identity
        self._rules = rules
        self._marked = False

    def load(self) -> Kept | None:
        """Return what is kept, None where there is nothing that can be used; a broken file is set aside."""
        try:
            head, items = _decoded(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except (Unusable, OSError) as error:
            aside = self.path.with_suffix(".aside")
            try:
                self.path.replace(aside)
            except OSError:
                aside = self.path
            _log.warning("last_good_unusable", file=str(aside), error=str(error))
            return None
        if head.identity != self._identity:
            _log.warning("last_good_ignored", file=str(self.path), error=_whose(head.identity, self._identity))
            return None
        return Kept(self._snapshot(head, items), head.saved_at)

    def mark_behind(self) -> None:
        """Note, before anything is applied, that the source moved on; cheap where that is known already."""
        if not self._marked:
            self._marked = True
            try:
                os.close(os.open(self._marker, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            except OSError as error:
                _log.warning("last_good_not_kept", file=str(self._marker), error=error.strerror)

    def unmark(self) -> None:
        """Note that the file has everything."""
        self._marked = False
        with suppress(OSError):
            self._marker.unlink(missing_ok=True)

    def save(self, snapshot: Snapshot, *, durable: bool = False) -> bool:
        """Replace the file; return whether that was done. May run in a thread.

        Args:
            durable: wait until it is on the disk.
        """
        fresh = self.path.with_suffix(".new")
        try:
            chunks = list(_encoded(snapshot, self._identity))
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(chunks)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            fresh.replace(self.path)
        except (OSError, Unusable) as error:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
            _log.warning("last_good_not_kept", file=str(self.path), error=str(error))
            return False
        return True

    def _snapshot(self, head: _Head, pairs: list[_Pair]) -> Snapshot:
        withheld = set(head.withheld)
        items: dict[str, Item] = {}
        for key, value, index, layer in pairs:
            if self._rules.is_sensitive(key):  # since it was saved
                withheld.add(key)
            else:
                items[key] = Item(key, value, index, layer)
        return Snapshot(
            items=items,
            services=head.services,
            catalog=head.catalog,
            covers=frozenset(Need(kind, name) for kind, name in head.covers),
            hidden=frozenset(head.hidden),
            denied=frozenset(head.denied),
            partial=head.partial,
            layer=head.layer,
            index=head.index,
            withheld=frozenset(withheld),
            behind=self._marker.exists(),
        )


def last_good_of(setup: Setup) -> LastGood:
    """Return the place of a configuration's last known good."""
    config = setup.config
    identity = Identity(config.owner, config.consul.prefix, config.environment, config.consul.datacenter)
    return LastGood(setup.state.path, identity, setup.rules)


def not_older(plan: Plan, written: Mapping[str, Written]) -> Plan:
    """Return the plan, held where it would put an entry to another state than the one that was applied last.

    For a last known good that may be behind: what was applied may be newer.
    """
    newer = [one.key for one in plan.changes if one.key in written and written[one.key].digest != one.new_digest]
    if not newer:
        return plan
    why = f"the last known good may be older than what was applied to {newer[0]} last; it waits for the source"
    return replace(plan, held=(*plan.held, why))


def _encoded(snapshot: Snapshot, identity: Identity) -> Iterator[bytes]:
    items = [item for item in snapshot.items.values() if not item.sensitive]
    head = _Head(
        identity=identity,
        saved_at=time.time(),
        index=snapshot.index,
        partial=snapshot.partial,
        layer=snapshot.layer,
        covers=[(need.kind, need.name) for need in snapshot.covers],
        hidden=list(snapshot.hidden),
        denied=list(snapshot.denied),
        withheld=[item.key for item in snapshot.items.values() if item.sensitive],
        services={name: tuple(found) for name, found in snapshot.services.items()},
        catalog=None if snapshot.catalog is None else dict(snapshot.catalog),
    )
    frames = [_frame(head)]
    size = len(frames[0])
    for start in range(0, len(items), _BATCH):
        batch = [(one.key, one.value, one.modify_index, one.layer) for one in items[start : start + _BATCH]]
        frames.append(_frame(batch))
        size += len(frames[-1])
        if size > MAX_BYTES:
            raise Unusable(f"it would be larger than {MAX_BYTES >> 20} MiB")
        time.sleep(0)
    digest = hashlib.sha256()
    for frame in frames:
        digest.update(frame)
    yield b"%s %d %s\n" % (_TITLE, FORMAT, digest.hexdigest().encode())
    yield from frames


def _frame(content: object) -> bytes:
    body = msgspec.msgpack.encode(content)
    return len(body).to_bytes(4, "big") + body


def _decoded(content: bytes) -> tuple[_Head, list[_Pair]]:
    title, _, body = content.partition(b"\n")
    words = title.removeprefix(_TITLE + b" ").split(b" ")
    if not title.startswith(_TITLE) or len(words) != 2 or not words[0].isdigit():
        raise Unusable("it is not a last known good")
    if int(words[0]) != FORMAT:
        raise Unusable(f"written by another syncd (format {int(words[0])}, this one knows {FORMAT})")
    if hashlib.sha256(body).hexdigest().encode() != words[1]:
        raise Unusable("its checksum does not fit: it is damaged")
    frames = _frames(body)
    try:
        head = msgspec.msgpack.decode(next(frames), type=_Head)
        pairs = [pair for frame in frames for pair in msgspec.msgpack.decode(frame, type=list[_Pair])]
    except (msgspec.DecodeError, StopIteration) as error:
        raise Unusable("it cannot be decoded") from error
    return head, pairs


def _frames(body: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(body):
        end = start + 4 + int.from_bytes(body[start : start + 4], "big")
        yield body[start + 4 : end]
        start = end


def _whose(theirs: Identity, ours: Identity) -> str:
    differ = [name for name in Identity.__struct_fields__ if getattr(theirs, name) != getattr(ours, name)]
    return f"it is of another {' and '.join(differ)} than the config's"
