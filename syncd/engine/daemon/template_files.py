"""Changed template files, watched on their folders: a watched file would miss that it was replaced."""

from collections.abc import AsyncIterator
from pathlib import Path

from watchfiles import awatch

from syncd.engine.setup import Setup


async def template_changes(setup: Setup) -> AsyncIterator[set[str]]:
    """Yield the paths, relative to the config file's folder, of template files that changed."""
    base_dir = setup.base_dir.resolve()
    templates = [getattr(target.config, "template", None) for target in setup.targets.values()]
    folders = {(base_dir / template).parent for template in templates if template is not None}
    if not folders:
        return
    async for changes in awatch(*sorted(folders), step=50, debounce=400, recursive=True):
        yield {_relative(Path(path), base_dir) for _, path in changes}


def _relative(path: Path, base_dir: Path) -> str:
    return str(path.relative_to(base_dir)) if path.is_relative_to(base_dir) else str(path)
