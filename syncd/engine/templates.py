"""Reads template files for the templates, and knows which of those that were asked for have changed."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from syncd.core.digest import sha256_hex

_Mark = tuple[int, int, int]
_as_they_were: ContextVar[Mapping[str, str]] = ContextVar("as_they_were")


class TemplateStore:
    """The template files below the config file's folder, each read again only after it changed."""

    def __init__(self, base_dir: Path) -> None:
        self._base_dir = base_dir
        self._texts: dict[str, tuple[_Mark, str]] = {}
        self._seen: dict[str, _Mark | None] = {}

    def load(self, name: str) -> str | None:
        """Return the text of a template by its path relative to the config file, None where there is none."""
        mark = self._mark(name)
        self._seen.setdefault(name, mark)
        if (before := _as_they_were.get({}).get(name)) is not None:
            return before
        held = self._texts.get(name)
        if held is not None and held[0] == mark:
            return held[1]
        try:
            with (self._base_dir / name).open("rb") as file:
                held = (_mark(os.fstat(file.fileno())), file.read().decode())
        except (OSError, UnicodeDecodeError):
            self._texts.pop(name, None)
            return None
        self._texts[name] = held
        return held[1]

    def latest(self, name: str, digest: str) -> str | None:
        """Return the text that was read last of a template, None where its SHA-256 is another."""
        if name not in self._texts:
            self.load(name)
        text = self._texts[name][1] if name in self._texts else None
        return text if text is not None and sha256_hex(text.encode(errors="surrogatepass")) == digest else None

    @contextmanager
    def as_they_were(self, texts: Mapping[str, str]) -> Iterator[None]:
        """Give these texts in place of the files' own to what is rendered in the block, by this task and its copies."""
        token = _as_they_were.set(texts)
        try:
            yield
        finally:
            _as_they_were.reset(token)

    @contextmanager
    def noting(self) -> Iterator[Mapping[str, _Mark | None]]:
        """Forget what was asked for, and give what is in the block, and how it was then; for a copy of this process."""
        self._seen = {}
        yield self._seen

    def asked(self, marks: Mapping[str, _Mark | None]) -> bool:
        """Take note of what a copy of this process asked for; return whether some of it has changed since."""
        self._seen = {**marks, **self._seen}
        return any(self._mark(name) != mark for name, mark in marks.items())

    def changed(self) -> set[str]:
        """Return those that were ever asked for and have changed, come or gone since the last call."""
        now = {name: self._mark(name) for name in self._seen}
        moved = {name for name, mark in now.items() if mark != self._seen[name]}
        self._seen = now
        return moved

    def _mark(self, name: str) -> _Mark | None:
        try:
            return _mark(os.stat(os.path.join(self._base_dir, name)))  # noqa: PTH116, PTH118 - several times in a pass
        except OSError:
            return None


def _mark(status: os.stat_result) -> _Mark:
    return status.st_ino, status.st_mtime_ns, status.st_size
