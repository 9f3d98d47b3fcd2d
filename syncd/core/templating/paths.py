"""Where a template finds the templates that it includes. Pure: paths are text."""

import posixpath

from syncd.core.templating.errors import Refusal


def folder_of(template: str) -> str:
    """Return the folder of a target's template, "" for the config file's own."""
    return posixpath.dirname(template)


def beside(folder: str, name: str) -> str:
    """Return the path of a template that is named relative to a folder.

    Raises:
        Refusal: it would leave the folder.
    """
    path = posixpath.normpath(name) if name else ".."
    if path.startswith(("/", "../")) or path in (".", ".."):
        raise Refusal("template {} is outside of the template's folder; move it there", name)
    return posixpath.join(folder, path)
