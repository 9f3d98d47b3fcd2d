"""The files that come with syncd, for whoever has no checkout."""

import shutil
from pathlib import Path

import syncd
from syncd.core.errors import Refused

NAMES = ("config.yaml", "schema.json", "seed.yaml", "templates")


def lay_out(folder: Path) -> bool:
    """Copy the shipped files into a folder if it is empty; return whether it was.

    Raises:
        Refused: they cannot be written there.
    """
    try:
        if any(folder.iterdir()):
            return False
        for name in NAMES:
            _copy(_home() / name, folder / name)
    except OSError as error:
        raise Refused(
            f"{error.filename}: {error.strerror}; the demo needs a folder that you may write to, or -c PATH/config.yaml"
        ) from error
    return True


def _copy(source: Path, into: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, into, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(source, into)


def _home() -> Path:
    """Return where they lie: in the package where it is installed (pyproject.toml puts them there), else beside it."""
    package = Path(syncd.__file__).parent
    installed = package / "shipped"
    return installed if installed.is_dir() else package.parent
