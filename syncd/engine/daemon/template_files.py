"""Changed template files, watched on their folders: a watched file would miss that it was replaced."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Set
from contextlib import aclosing
from pathlib import Path

import structlog
from watchfiles import Change, DefaultFilter, awatch

from syncd.engine.setup import Setup

_AGAIN_S = 15.0
_log = structlog.get_logger()


async def template_changes(setup: Setup) -> AsyncIterator[set[str]]:
    """Yield the names of template files that changed, as the templates name them.

    An event only says that it is time to look: a template may be reached by a link, and other files have other writers.
    """
    templates = [getattr(target.config, "template", None) for target in setup.targets.values()]
    tops = {(setup.base_dir / template).parent.resolve() for template in templates if template is not None}
    # Where syncd itself writes nothing is watched, or each of its passes would wake it several times.
    written = {path.parent.resolve() for path in (*setup.outputs, setup.state.journal)} - tops
    while tops:
        if names := setup.templates.changed():  # while nobody watched
            yield names
        try:
            async with aclosing(_events({folder for top in tops for folder in _tree(top, written)})) as events:
                async for _ in events:
                    if names := setup.templates.changed():
                        yield names
            continue
        except OSError as error:
            _log.warning("templates_not_watched", error=str(error), wait_s=_AGAIN_S)
        await asyncio.sleep(_AGAIN_S)


async def _events(folders: Set[Path]) -> AsyncGenerator[None, None]:
    """Yield when something changed directly in one of the folders; end when there is one more folder to watch."""
    async with aclosing(awatch(*sorted(folders), step=50, debounce=400, recursive=False)) as events:
        async for changes in events:
            yield
            if any(kind is Change.added and Path(path).is_dir() for kind, path in changes):
                return


def _tree(top: Path, without: Set[Path]) -> Iterator[Path]:
    """Yield a folder and all below it, but none in `without` and none that holds no templates, such as `.git`."""
    for folder, below, _ in os.walk(top):
        yield Path(folder)
        below[:] = [
            name for name in below if name not in DefaultFilter.ignore_dirs and Path(folder, name) not in without
        ]
