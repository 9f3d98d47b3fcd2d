"""When a changed file becomes visible under its name: by inotify, since polling takes CPU from those measured."""

import ctypes
import os
import select
import time
from pathlib import Path

_MOVED_TO, _CLOSE_WRITE = 0x80, 0x08
_libc = ctypes.CDLL(None, use_errno=True)


class Arrivals:
    """Watches one file; its folder must exist. Use it as a context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int = _libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        watch = _libc.inotify_add_watch(self._descriptor, os.fsencode(path.parent), _MOVED_TO | _CLOSE_WRITE)
        assert watch >= 0, f"{path.parent}: {os.strerror(ctypes.get_errno())}"

    def __enter__(self) -> "Arrivals":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def wait(self, token: bytes, within_s: float = 10.0) -> float:
        """Return the monotonic second at which the file was replaced by one that holds `token`.

        Raises:
            TimeoutError: that did not happen.
        """
        end = time.perf_counter() + within_s
        while select.select([self._descriptor], [], [], max(0.0, end - time.perf_counter()))[0]:
            at = time.perf_counter()
            os.read(self._descriptor, 65536)
            if self._path.exists() and token in self._path.read_bytes():
                return at
        raise TimeoutError(f"{self._path}: {token!r} did not arrive within {within_s:g} s")
