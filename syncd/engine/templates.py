"""Reads template files for the templates, and knows which were read."""

import os
from pathlib import Path

_Mark = tuple[int, int, int]


class TemplateStore:
    """The template files below the config file's folder, each read again only after it changed."""

    def __init__(self, base_dir: Path) -> None:
        self._base_dir = base_dir
        self._texts: dict[str, tuple[_Mark, str]] = {}

    def load(self, name: str) -> str | None:
        """Return the text of a template by its path relative to the config file, None where there is none."""
        path = os.path.join(self._base_dir, name)  # noqa: PTH118 - asked for several times in each pass
        try:
            held = self._texts.get(name)
            if held is None or held[0] != _mark(os.stat(path)):  # noqa: PTH116
                with open(path, "rb") as file:  # noqa: PTH123
                    held = (_mark(os.fstat(file.fileno())), file.read().decode())
                self._texts[name] = held
        except (OSError, UnicodeDecodeError):
            self._texts.pop(name, None)
            return None
        return held[1]


def _mark(status: os.stat_result) -> _Mark:
    return status.st_ino, status.st_mtime_ns, status.st_size
