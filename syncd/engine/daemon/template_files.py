"""Changed template files, watched on their folders: a watched file would miss that it was replaced."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import structlog
from watchfiles import awatch

from syncd.engine.setup import Setup

_AGAIN_S = 15.0
_log = structlog.get_logger()


async def template_changes(setup: Setup) -> AsyncIterator[set[str]]:
    """Yield the templates of the config, by the path it names them by, in whose folder something changed.

    Any change counts: a template may be reached by a link, or include its neighbour. Rendering it again tells.
    """
    folders: dict[Path, set[str]] = {}
    for target in setup.targets.values():
        template: str | None = getattr(target.config, "template", None)
        if template is not None:
            folders.setdefault((setup.base_dir / template).parent.resolve(), set()).add(template)
    while folders:
        try:
            async for changes in awatch(*sorted(folders), step=50, debounce=400, recursive=True):
                paths = [Path(path) for _, path in changes]
                yield set().union(
                    *(names for folder, names in folders.items() if any(path.is_relative_to(folder) for path in paths))
                )
        except OSError as error:
            _log.warning("templates_not_watched", error=str(error), wait_s=_AGAIN_S)
        await asyncio.sleep(_AGAIN_S)
