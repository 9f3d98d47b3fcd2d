"""Reads template files for the templates, and knows which were read."""

import os
from pathlib import Path

_MARK = tuple[int, int, int]


class TemplateStore:
    """The template files below the config file's folder, each read again only after it changed."""

    def __init__(self, base_dir: Path) -> None:
        self._base_dir = base_dir
        self._texts: dict[str, tuple[_MARK, str]] = {}

    def load(self, name: str) -> str | None:
        """Return the text of a template by its path relative to the config file, None where there is none."""
        try:
            with (self._base_dir / name).open("rb") as file:
                status = os.fstat(file.fileno())
                mark = (status.st_ino, status.st_mtime_ns, status.st_size)
                held = self._texts.get(name)
                if held is None or held[0] != mark:
                    held = (mark, file.read().decode())
                    self._texts[name] = held
        except (OSError, UnicodeDecodeError):
            self._texts.pop(name, None)
            return None
        return held[1]
