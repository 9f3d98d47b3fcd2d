"""An explanation as JSON types."""

from typing import Any

from syncd.core.explain.model import Explained, Explanation, Origin, Place


def document(explained: Explanation) -> dict[str, Any]:
    """Return the explanation; `value` is null where it is sensitive, has none, or is not text."""
    return {
        "version": 1,
        "target": explained.target,
        "kind": explained.kind,
        "path": explained.what or None,
        "reload": explained.reload,
        "prefix": explained.prefix,
        "environment": explained.layer.removeprefix("env/") or None,
        "consul_index": explained.index,
        "state": explained.verdict.state,
        "in_sync": explained.verdict.state == "in_sync",
        "why": [text for text in (explained.verdict.why, *explained.why) if text],
        "parts": [_part(one, explained.prefix) for one in explained.parts],
    }


def _part(one: Explained, prefix: str) -> dict[str, Any]:
    part = one.part
    default = part.default
    return {
        "name": part.name,
        "kind": part.kind,
        "state": one.verdict.state,
        "why": one.verdict.why or None,
        "value": part.value,
        "sensitive": part.sensitive,
        "keys": [_origin(origin, prefix) for origin in part.origins],
        "default": None if default is None else {"value": default.value, "used": default.used},
        "fixed": part.fixed,
        "template": part.template,
        "uses": list(part.uses),
        "through": part.via,
        "found": part.count,
        "read_at": [_place(place) for place in part.places],
        "lines": None if part.at is None else list(part.at),
        "config": one.place or None,
    }


def _origin(origin: Origin, prefix: str) -> dict[str, Any]:
    item = origin.item
    return {
        "key": prefix + (origin.key if item is None else item.source_key),
        "relative_key": origin.key,
        "exists": None if origin.hidden else item is not None,
        "modify_index": None if item is None else item.modify_index,
        "layer": None if item is None else item.layer or "base",
        "also_in": None if origin.other is None else prefix + origin.other,
        "pointer": origin.pointer or None,
        "leads_nowhere": origin.leads_nowhere,
        "sensitive": item is not None and item.sensitive,
    }


def _place(place: Place) -> dict[str, Any]:
    return {"file": place.file, "line": place.line, "by": [f"{file}:{line}" for file, line in place.by]}
