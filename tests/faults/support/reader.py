"""A reader that looks at files all the time and remembers all that it ever saw in them."""

from __future__ import annotations

import threading
import time
from pathlib import Path

PAUSE_S = 0.002


class Reader:
    """Reads files in a thread from `with` to its end; `seen` has every distinct content, None for a missing file."""

    def __init__(self, *paths: Path) -> None:
        self._paths = paths
        self.seen: dict[Path, list[bytes | None]] = {path: [] for path in paths}
        self.looks = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(5)

    def other(self, path: Path, *allowed: bytes) -> list[bytes | None]:
        """Return what was seen in a file beside what is allowed: nothing, if all is well."""
        return [content for content in self.seen[path] if content not in allowed]

    def _read(self) -> None:
        while not self._done.is_set():
            for path in self._paths:
                try:
                    content = path.read_bytes()
                except FileNotFoundError:
                    content = None
                if not self.seen[path] or content not in self.seen[path]:
                    self.seen[path].append(content)
            self.looks += 1
            time.sleep(PAUSE_S)
