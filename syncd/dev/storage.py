"""Keeps the tables of a server in one SQLite file, so that `syncd dev --data DIR` goes on where it stopped."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import msgspec

from syncd.core.errors import StateError
from syncd.dev.tables import Change, Tables

VERSION = 1
_SCHEMA = "CREATE TABLE IF NOT EXISTS rows (tab TEXT, key TEXT, body BLOB, PRIMARY KEY (tab, key)) WITHOUT ROWID"


class Storage:
    """The rows of one server on disk; with `path` None nothing is kept.

    Raises:
        StateError: the file cannot be opened, is in use, or was written by a newer syncd.
    """

    def __init__(self, path: Path | None) -> None:
        self._file = None if path is None else _open(path)

    def load(self, tables: Tables) -> None:
        """Fill the tables with what was kept."""
        if self._file is None:
            return
        for name, key, body in self._file.execute("SELECT tab, key, body FROM rows ORDER BY tab, key"):
            table = tables.by_name[name]
            table.restore(key, msgspec.msgpack.decode(body, type=table.kind))

    def save(self, changes: Iterable[Change]) -> None:
        """Keep the changes of one write: all of them or none."""
        if self._file is None:
            return
        last = {(change.table, change.key): change.after for change in changes}
        gone = [place for place, row in last.items() if row is None]
        kept = [(*place, msgspec.msgpack.encode(row)) for place, row in last.items() if row is not None]
        with self._file:
            self._file.executemany("DELETE FROM rows WHERE tab = ? AND key = ?", gone)
            self._file.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", kept)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _open(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        file = sqlite3.connect(path)
        # The lock stays for as long as the server runs: a second one on the same folder is refused.
        file.execute("PRAGMA locking_mode = EXCLUSIVE")
        file.execute("PRAGMA busy_timeout = 0")
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("PRAGMA synchronous = NORMAL")
        (version,) = file.execute("PRAGMA user_version").fetchone()
        if version <= VERSION:
            with file:
                file.execute(_SCHEMA)
                file.execute(f"PRAGMA user_version = {VERSION}")
            return file
    except (OSError, sqlite3.Error) as fault:
        raise StateError(f"{path}: cannot be used: {fault}; stop what uses it, or give another --data") from fault
    file.close()
    raise StateError(f"{path}: format {version} of a newer syncd, this one knows {VERSION}; give another --data")
