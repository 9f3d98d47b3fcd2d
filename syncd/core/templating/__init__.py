"""Templates (contract.md §3): Jinja2 in a sandbox, weighed, with faults in our own words. Pure.

`TemplateFile` is one file with what it includes; `render_inline` is one line of the configuration.
"""

from syncd.core.templating.errors import TemplateFault, locate
from syncd.core.templating.functions import CATALOG, FUNCTION_NAMES, Read
from syncd.core.templating.inline import inline_names, render_inline
from syncd.core.templating.render import Rendering, TemplateFile
from syncd.core.templating.trace import Trace

__all__ = [
    "CATALOG",
    "FUNCTION_NAMES",
    "Read",
    "Rendering",
    "TemplateFault",
    "TemplateFile",
    "Trace",
    "inline_names",
    "locate",
    "render_inline",
]
