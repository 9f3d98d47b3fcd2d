"""JSON Schema of the config file, for editors (draft 2020-12). Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import models_json_schema

from syncd.config.models import Config
from syncd.core.fields import DURATION_PATTERN
from syncd.targets.base import TargetConfig

Schema = dict[str, Any]

_REF = "#/$defs/{model}"
_EXPANDED = "Expanded"
_NARROW = ("pattern", "enum")
_AS_IT_IS = ("default", "const", "enum", "required", "propertyNames", "discriminator")
_UNITS = ((3600, "h"), (60, "m"), (1, "s"), (0.001, "ms"))


def schema(kinds: Mapping[str, type[TargetConfig]]) -> Schema:
    """Return the schema of the whole file, every kind of target in it.

    Text that holds a `${VAR}` is accepted wherever a value of another type is wanted, and a number or a boolean where
    plain text is: the loader takes both.
    """
    models: list[Any] = [(one, "validation") for one in (Config, *kinds.values())]
    refs, whole = models_json_schema(models, ref_template=_REF)
    definitions: dict[str, Schema] = whole["$defs"]
    choices = []
    for name, model in kinds.items():
        place = refs[(model, "validation")]["$ref"].removeprefix(_REF.format(model=""))
        target = definitions[place]
        target["properties"]["kind"] = {"const": name}
        target["required"] = ["kind", *(one for one in target.get("required", ()) if one != "kind")]
        choices.append(refs[(model, "validation")])
    root = definitions.pop(refs[(Config, "validation")]["$ref"].removeprefix(_REF.format(model="")))
    definitions.pop(TargetConfig.__name__, None)
    root["properties"]["targets"]["additionalProperties"] = {
        "oneOf": choices,
        "discriminator": {"propertyName": "kind"},
    }
    required = [one for one in definitions["Consul"].get("required", ()) if one != "address"]
    definitions["Consul"]["required"] = required
    root["required"] = [one for one in root["required"] if one != "consul"]
    definitions = {name: _opened(one) for name, one in definitions.items()}
    definitions[_EXPANDED] = {"type": "string", "pattern": r"\$\{", "description": "Text with a ${VAR} in it."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_opened(root),
        "title": "syncd configuration",
        "$defs": dict(sorted(definitions.items())),
    }


def _opened(node: Any) -> Any:
    """Return a schema in which a value may be written as the loader takes it, and without pydantic's titles."""
    if isinstance(node, list):
        return [_opened(one) for one in node]
    if not isinstance(node, dict):
        return node
    opened = {key: _part(key, value) for key, value in node.items() if key != "title"}
    if "$ref" in opened:
        opened.pop("default", None)  # the fields of what it refers to have their own
    elif "default" in opened and opened.get("pattern") == DURATION_PATTERN:
        opened["default"] = _duration(opened["default"])
    kind = opened.get("type")
    if kind in ("integer", "number", "boolean") or (kind == "string" and any(one in opened for one in _NARROW)):
        outside = {key: opened.pop(key) for key in ("default", "description") if key in opened}
        return {**outside, "anyOf": [opened, {"$ref": _REF.format(model=_EXPANDED)}]}
    if kind == "string":
        opened["type"] = ["string", "number", "boolean"]
    return opened


def _part(key: str, value: Any) -> Any:
    if key in ("properties", "patternProperties", "$defs"):
        return {name: _opened(one) for name, one in value.items()}
    return (
        value if key in ("default", "const", "enum", "required", "propertyNames", "discriminator") else _opened(value)
    )


def _duration(seconds: object) -> object:
    """Return a default as the file would say it: 300.0 is `5m`."""
    if not isinstance(seconds, int | float):
        return seconds
    for size, unit in _UNITS:
        if seconds >= size and round(seconds / size, 6).is_integer():
            return f"{round(seconds / size)}{unit}"
    return "0s"
