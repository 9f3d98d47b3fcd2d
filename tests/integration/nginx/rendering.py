"""Render the shipped templates as syncd does, from keys and instances that a test writes down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from syncd.core.model import Instance, Need, RawKey
from syncd.core.snapshot import NeedMore, Rules, Snapshot, View, layered
from syncd.engine.templates import TemplateStore
from syncd.targets import template
from syncd.targets.base import Context

ROOT = Path(__file__).resolve().parents[3]
"""The repository: config.yaml is there, and templates are relative to it."""


class RenderFault(Exception):
    """Rendering was refused; the message is what the operator reads."""


def instance(name: str, port: int, address: str = "127.0.0.1", status: str = "passing", id: str = "") -> Instance:
    """Return one instance of a service."""
    return Instance(id or f"{name}-{address}-{port}", name, address, port, (), {}, status, "node")


def render(name: str, keys: Mapping[str, Any], *instances: Instance, **variables: Any) -> str:
    """Return what `templates/nginx/NAME.j2` makes of these keys (what is no text becomes JSON) and instances.

    Raises:
        RenderFault: the template refuses, or an exact key is missing.
    """
    content: bytes = entry(name, keys, *instances, **variables).content
    return content.decode()


def entry(name: str, keys: Mapping[str, Any], *instances: Instance, **variables: Any) -> Any:
    """Return the entry that the target wants: content, mode, whether it is sensitive. Raises as `render`."""
    target = _target(name, json.dumps(variables))
    services: dict[str, tuple[Instance, ...]] = {}
    for one in instances:
        services[one.name] = (*services.get(one.name, ()), one)
    catalog = dict.fromkeys(sorted(services), ())
    raw = [RawKey(key, _text(value).encode(), 1) for key, value in keys.items()]
    items = layered(raw, Rules())
    while True:
        snapshot = Snapshot(items, services, catalog, frozenset({Need("folder", "")}))
        try:
            desired = target.desired(View(snapshot), View(snapshot, mask=True))
        except NeedMore as more:
            services = {**services, **{need.name: () for need in more.needs if need.kind == "service"}}
            continue
        if desired.error or desired.missing or desired.faults:
            raise RenderFault("; ".join(filter(None, [desired.error, *desired.missing])))
        return desired.entries[f"out/{name}"]


@cache
def _target(name: str, variables: str) -> Any:
    """Return the target; kept, for it keeps its template compiled."""
    config = {
        "kind": "template",
        "template": f"templates/nginx/{name}.j2",
        "path": f"out/{name}",
        "vars": json.loads(variables),
    }
    context = Context(owner="test", base_dir=ROOT, load_template=TemplateStore(ROOT).load, env={})
    return template.KIND.make(name, template.KIND.config.model_validate(config), context)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
