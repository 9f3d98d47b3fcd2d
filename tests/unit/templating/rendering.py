"""Renders templates held in a dict, from keys and services held in dicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncd.core.model import Instance, Need, RawKey
from syncd.core.snapshot import Rules, Snapshot, View, layered
from syncd.core.templating import Rendering, TemplateFile
from syncd.engine.render_limits import time_limit

KEYS: Mapping[str, bytes] = {
    "config/domains/api": b"https://api.example",
    "config/domains/frontend": b"https://www.example",
    "config/env": b"production",
    "config/json": b'{"b": [1, 2], "a": "<x>"}',
    "config/binary": b"\xff\x00",
    "secrets/db": b"s3cr3t",
}


def instance(name: str, number: int, **more: Any) -> Instance:
    """Return one instance of a service, passing unless told else."""
    given = {"tags": (), "meta": {}, "status": "passing", "node": "n1", **more}
    return Instance(f"{name}-{number}", name, f"10.0.0.{number}", 8000 + number, **given)


def snapshot(
    keys: Mapping[str, bytes] = KEYS, services: Mapping[str, tuple[Instance, ...]] | None = None, **more: Any
) -> Snapshot:
    """Return a snapshot that covers all keys, and these services."""
    services = services or {}
    return Snapshot(
        items=layered([RawKey(key, value, 7) for key, value in keys.items()], Rules()),
        services=services,
        catalog={name: tuple(sorted({tag for one in found for tag in one.tags})) for name, found in services.items()},
        **{"covers": frozenset([Need("folder")]), **more},
    )


def template(
    source: str,
    files: Mapping[str, str] | None = None,
    variables: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
) -> TemplateFile:
    """Return the template `t/main.j2` with this source; other files are named from its folder."""
    texts = {"t/main.j2": source, **{f"t/{name}": text for name, text in (files or {}).items()}}
    return TemplateFile("t/main.j2", texts.get, variables or {}, env or {})


def rendering(source: str, snap: Snapshot | None = None, **more: Any) -> Rendering:
    """Return what a template gives, within the time limit."""
    snap = snapshot() if snap is None else snap
    file = template(source, **more)
    with time_limit():
        return file.render(View(snap), View(snap, mask=True))


def rendered(source: str, snap: Snapshot | None = None, **more: Any) -> str:
    """Return the text that a template gives."""
    made = rendering(source, snap, **more)
    assert made.fault is None, made.fault
    assert made.content is not None
    return made.content.decode()


def fault(source: str, snap: Snapshot | None = None, **more: Any) -> str:
    """Return why a template cannot be rendered."""
    made = rendering(source, snap, **more)
    assert made.content is None
    assert made.fault is not None
    assert "\n" not in made.fault
    return made.fault
