"""Templates in one line of the configuration: an env_file's variable made from those above it."""

from collections.abc import Mapping
from functools import lru_cache

from jinja2 import meta

from syncd.core.templating.environment import TemplateEnvironment
from syncd.core.templating.errors import TemplateFault, describe
from syncd.core.templating.render import located, stands_in, written


def render_inline(source: str, variables: Mapping[str, str], *, name: str) -> str:
    """Return what a template text gives with these variables; it has all filters, and no function that reads.

    Args:
        name: what the operator knows the text by; only for messages.

    Raises:
        TemplateFault: it cannot be rendered; never holds a value.
    """
    environment = _environment(source, name)
    environment.begin()
    try:
        return written(environment, name, variables).decode()
    except Exception as error:
        fault = _fault(error, source, name)
    raise fault


def inline_names(source: str, *, name: str) -> frozenset[str]:
    """Return the variables that a template text reads.

    Raises:
        TemplateFault: it is no template.
    """
    environment = _environment(source, name)
    try:
        found = meta.find_undeclared_variables(environment.parse(source, name))
    except Exception as error:
        fault = _fault(error, source, name)
    else:
        return frozenset(found - set(environment.globals))
    raise fault


@lru_cache(maxsize=1024)
def _environment(source: str, name: str) -> TemplateEnvironment:
    return TemplateEnvironment(lambda path: source if path == name else None)


def _fault(error: Exception, source: str, name: str) -> TemplateFault:
    fault = located(error, name, describe(error, lambda word: stands_in(word, source)))
    return fault if "\n" in source else TemplateFault(name, 0, fault.reason)
