"""What can be said of a template without rendering it: what it reads for sure, and what is wrong with it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from jinja2 import TemplateSyntaxError, meta, nodes

from syncd.core.model import Need
from syncd.core.templating.environment import TemplateEnvironment
from syncd.core.templating.errors import Refusal, TemplateFault, describe
from syncd.core.templating.functions import folder_from, key_from
from syncd.core.templating.paths import beside

_FIRST_ARGUMENT = {
    "key": "path",
    "key_exists": "path",
    "key_bytes": "path",
    "ls": "prefix",
    "tree": "prefix",
    "service": "name",
}
_FOLDER_FUNCTIONS = ("ls", "tree")
_ASKING = ("defined", "undefined", "default", "d")


@dataclass(slots=True)
class Scan:
    """The templates that one template consists of, by path, None for one that is not there; and what they read."""

    sources: dict[str, str | None] = field(default_factory=dict)
    needs: set[Need] = field(default_factory=set)
    faults: list[TemplateFault] = field(default_factory=list)


def scan(environment: TemplateEnvironment, path: str, folder: str) -> Scan:
    """Return what a template reads by constant names, its includes and imports followed; never raises."""
    result = Scan()
    _file(environment, path, folder, result)
    return result


def check(environment: TemplateEnvironment, path: str, folder: str) -> list[TemplateFault]:
    """Return everything that is wrong with a template and what it includes, without rendering it; never raises."""
    result = scan(environment, path, folder)
    faulty = {fault.file for fault in result.faults}
    for name, text in result.sources.items():
        if text is not None and name not in faulty:
            try:
                environment.get_template(name)
                if name == path:
                    result.faults += _undefined(environment, path, text)
            except Exception as error:
                result.faults.append(_fault(name, error))
    return sorted(result.faults, key=lambda fault: (fault.file, fault.line, fault.reason))


def _file(environment: TemplateEnvironment, path: str, folder: str, result: Scan) -> None:
    text = result.sources[path] = environment.text(path)
    if text is None:
        result.faults.append(
            TemplateFault(path, 0, "the template is not there, cannot be read, or is not UTF-8; write it")
        )
        return
    try:
        for node in environment.parse(text, path).find_all(nodes.Node):
            _node(environment, node, path, folder, result)
    except Exception as error:
        result.faults.append(_fault(path, error))


def _node(environment: TemplateEnvironment, node: nodes.Node, path: str, folder: str, result: Scan) -> None:
    try:
        if isinstance(node, nodes.Call):
            result.needs.update(_needs(node))
        elif isinstance(node, nodes.Filter) and node.name not in environment.filters:
            raise Refusal("there is no filter {}", node.name)
        elif isinstance(node, nodes.Test) and node.name not in environment.tests:
            raise Refusal("there is no test {}", node.name)
        elif isinstance(node, nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends):
            for name in _names(node.template):
                other = beside(folder, name)
                if other in result.sources:
                    continue
                if environment.text(other) is not None:
                    _file(environment, other, folder, result)
                elif not (isinstance(node, nodes.Include) and (node.ignore_missing or _is_choice(node))):
                    raise Refusal("template {} is not there", name)
                else:
                    result.sources[other] = None
    except Refusal as refusal:
        result.faults.append(TemplateFault(path, node.lineno, refusal.told(lambda _: True)))


def _needs(call: nodes.Call) -> Iterator[Need]:
    if not isinstance(call.node, nodes.Name):
        return
    function = call.node.name
    if function == "services":
        yield Need("catalog")
    if function not in _FIRST_ARGUMENT:
        return
    given = [pair.value for pair in call.kwargs if pair.key == _FIRST_ARGUMENT[function]]
    argument = next(iter([*call.args[:1], *given]), None)
    if not isinstance(argument, nodes.Const) or not isinstance(argument.value, str):
        return
    if function == "service":
        yield Need("service", argument.value)
    elif function in _FOLDER_FUNCTIONS:
        yield Need("folder", folder_from(argument.value, function))
    else:
        yield Need("key", key_from(argument.value))


def _names(template: Any) -> Iterator[str]:
    """Yield the constant names of templates to include."""
    parts = template.items if isinstance(template, nodes.List | nodes.Tuple) else [template]
    for part in parts:
        if isinstance(part, nodes.Const):
            yield from part.value if isinstance(part.value, list | tuple) else [part.value]


def _is_choice(node: nodes.Include) -> bool:
    return not (isinstance(node.template, nodes.Const) and isinstance(node.template.value, str))


def _undefined(environment: TemplateEnvironment, path: str, text: str) -> Iterator[TemplateFault]:
    """Yield a fault for each variable that nothing can define; not for those that the template itself asks about."""
    tree = environment.parse(text, path)
    if tree.find(nodes.Extends):
        return  # blocks also see what the template that they extend defines
    asked = {
        node.node.name
        for node in tree.find_all((nodes.Test, nodes.Filter))
        if isinstance(node, nodes.Test | nodes.Filter) and isinstance(node.node, nodes.Name) and node.name in _ASKING
    }
    # Jinja2 also calls undeclared what is set in one branch of an `if` only.
    sets = tree.find_all((nodes.Assign, nodes.AssignBlock))
    assigned = {node.name for one in sets for node in one.find_all(nodes.Name) if node.ctx == "store"}
    unknown = meta.find_undeclared_variables(tree) - set(environment.globals) - asked - assigned
    for name in sorted(unknown):
        line = min((node.lineno for node in tree.find_all(nodes.Name) if node.name == name), default=0)
        yield TemplateFault(path, line, f"'{name}' is not defined; add it to the target's vars")


def _fault(path: str, error: Exception) -> TemplateFault:
    reason = describe(error, lambda _: True)
    if isinstance(error, TemplateSyntaxError):
        return TemplateFault(error.name or path, error.lineno, reason)
    return TemplateFault(path, 0, reason)
