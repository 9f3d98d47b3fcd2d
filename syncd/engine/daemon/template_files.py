"""Changed template files, watched on their folders: a watched file would miss that it was replaced."""

import os
from collections.abc import AsyncIterator, Iterator, Set
from contextlib import aclosing
from pathlib import Path

from watchfiles import Change, DefaultFilter, awatch

from syncd.engine.setup import Setup


async def template_changes(setup: Setup) -> AsyncIterator[set[str]]:
    """Yield the paths, relative to the config file's folder, of files beside and below the templates that changed."""
    base_dir = setup.base_dir.resolve()
    templates = _named(setup, "template", base_dir)
    # Where syncd itself writes nothing is watched, or each of its passes would wake it several times.
    written = (_named(setup, "path", base_dir) | {setup.state.path.resolve()}) - templates
    while folders := {folder for top in templates for folder in _tree(top, written)}:
        async with aclosing(awatch(*sorted(folders), step=50, debounce=400, recursive=False)) as watch:
            async for changes in watch:
                yield {_relative(Path(path), base_dir) for _, path in changes}
                if any(kind is Change.added and Path(path).is_dir() for kind, path in changes):
                    break  # there is one more folder to watch


def _named(setup: Setup, field: str, base_dir: Path) -> set[Path]:
    """Return the folders of the files that targets name in a field."""
    names = [getattr(target.config, field, None) for target in setup.targets.values()]
    return {(base_dir / name).parent.resolve() for name in names if name is not None}


def _tree(top: Path, without: Set[Path]) -> Iterator[Path]:
    """Yield a folder and all below it but those in `without` and those that hold no templates, such as `.git`."""
    for folder, below, _ in os.walk(top):
        yield Path(folder)
        below[:] = [
            name for name in below if name not in DefaultFilter.ignore_dirs and Path(folder, name) not in without
        ]


def _relative(path: Path, base_dir: Path) -> str:
    return str(path.relative_to(base_dir)) if path.is_relative_to(base_dir) else str(path)
