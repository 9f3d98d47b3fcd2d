"""The journal's file: opened, copied for a dry run, looked through for damage, and set aside where it has some."""

import json
import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from syncd.core.errors import StateError, TargetError
from syncd.engine import files
from syncd.engine.history.table import SCHEMA as HISTORY_SCHEMA
from syncd.engine.owning import hand_over

SCHEMA_VERSION = 3
"""1: without `unproved`. 2: without the history."""
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS entries (target TEXT, key TEXT, digest TEXT NOT NULL, sensitive INTEGER NOT NULL,
                      masked TEXT, PRIMARY KEY (target, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS targets (target TEXT PRIMARY KEY, kind TEXT NOT NULL, inputs TEXT NOT NULL,
                      services TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS intents (reload_group TEXT PRIMARY KEY, steps TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS owed (reload TEXT PRIMARY KEY, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS unproved (reload TEXT PRIMARY KEY, reload_group TEXT NOT NULL, steps TEXT NOT NULL,
                      before TEXT NOT NULL);
{HISTORY_SCHEMA}
"""
_BUSY_S = 2.0
"""So long a writer waits for readers, who let it through between two steps; the event loop waits with it."""
_STEP_PAGES = 1000
"""4 MB: so much a reader copies before a writer may go on."""
_COPY_MAX_S = 20.0
"""Each write in between makes a reader begin anew."""
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_READS: dict[str, tuple[type, ...]] = {
    "SELECT target, key, digest, sensitive, masked FROM entries LIMIT 1": (),
    "SELECT inputs, services FROM targets": (dict, dict),
    "SELECT steps FROM intents": (list,),
    "SELECT reload, reason FROM owed LIMIT 1": (),
    "SELECT steps, before FROM unproved": (list, dict),
    "SELECT id, at, target, outcome, waits_for FROM history LIMIT 1": (),
    "SELECT target, key, digest, from_id, to_id FROM versions LIMIT 1": (),
    "SELECT digest, value, base FROM contents LIMIT 1": (),
}
"""What must be readable, and of which JSON type each column is where it holds JSON."""


class Damaged(StateError):
    """The file is not a journal that anybody wrote; `why` says how that shows."""

    def __init__(self, path: Path, why: str) -> None:
        self.why = why
        super().__init__(f"{path}: the journal is damaged ({why}); move it away and run again")


def connect(path: Path) -> sqlite3.Connection:
    """Open the file for a pass that writes; makes it (0600) and its tables.

    Raises:
        Damaged: it is no journal, or not a whole one.
        StateError: it cannot be opened, or was written by a newer syncd.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            hand_over(descriptor, path.parent)
        finally:
            os.close(descriptor)
        database = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise StateError(f"{path}: cannot be opened ({error}); make state_dir writable") from error
    try:
        database.execute("PRAGMA journal_mode = TRUNCATE")
        database.execute("PRAGMA synchronous = FULL")
        _prepare(database, path)
    except sqlite3.DatabaseError as error:
        database.close()
        raise _unusable(path, error) from error
    except StateError:
        database.close()
        raise
    return database


def copy(path: Path) -> sqlite3.Connection:
    """Return a copy of the file in memory: a dry run writes nothing, not even a lock file.

    Raises:
        Damaged, StateError: as `connect`.
    """
    memory = sqlite3.connect(":memory:", isolation_level=None)
    try:
        if path.exists():
            path.open("rb").close()
            _copy(path, memory)
        _prepare(memory, path)
    except OSError as error:
        raise StateError(f"{path}: cannot be read ({error.strerror}); run as the user that runs syncd") from error
    except sqlite3.DatabaseError as error:
        raise _unusable(path, error) from error
    return memory


def set_aside(path: Path, fresh: Path) -> Path:
    """Put a whole file in the place of a damaged one, and return the name under which that is kept.

    A journal is there all the time: a kill must not have the next pass begin an empty one, which owes nothing.

    Raises:
        StateError: the system refused.
    """
    number = 1
    while (aside := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    try:
        _keep_as(path, aside)
        path.with_name(f"{path.name}-journal").unlink(missing_ok=True)  # SQLite's own: it would be played into `fresh`
        fresh.replace(path)
        files.sync_folder(path.parent)
    except OSError as error:
        raise StateError(f"{path}: is damaged and cannot be moved away ({error.strerror}); do it by hand") from error
    except TargetError as error:
        raise StateError(str(error)) from error
    return aside


def _keep_as(path: Path, aside: Path) -> None:
    try:
        aside.hardlink_to(path)
    except OSError:  # not every file system has links
        shutil.copy2(path, aside)


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    version = int(database.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise StateError(
            f"{path}: written by a newer syncd (format {version}, this one knows {SCHEMA_VERSION}); "
            "run that version, or point state_dir at another folder"
        )
    if version < SCHEMA_VERSION:
        database.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    why = _damage(database)
    if why is not None:
        raise Damaged(path, why)


def _damage(database: sqlite3.Connection) -> str | None:
    """Return what is wrong inside, None where all can be read and means something."""
    said = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
    if said != "ok":
        return said.splitlines()[-1]
    for query, kinds in _READS.items():
        try:
            rows = database.execute(query).fetchall()
            wrong = any(not _is_kind(text, kind) for row in rows for text, kind in zip(row, kinds, strict=False))
        except sqlite3.OperationalError as error:  # no such table or column
            return str(error)
        if wrong:
            return f"what `{query}` gives makes no sense"
    return None


def _is_kind(text: Any, kind: type) -> bool:
    try:
        found: Any = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return False
    return isinstance(found, kind) and (not isinstance(found, list) or all(_is_step(one) for one in found))


def _is_step(step: Any) -> bool:
    return isinstance(step, dict) and isinstance(step.get("path"), str) and "temporary" in step and "backup" in step


def _copy(path: Path, memory: sqlite3.Connection) -> None:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as stored:
            _copy_in_steps(stored, memory)
    except sqlite3.OperationalError:
        # A killed pass left SQLite's own rollback journal, which only a writer may play back: do that on a copy.
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / path.name
            for name in (path.name, f"{path.name}-journal"):
                if (path.parent / name).exists():
                    shutil.copy(path.parent / name, Path(folder) / name)
            with closing(sqlite3.connect(copy)) as stored:
                stored.backup(memory)


def _copy_in_steps(stored: sqlite3.Connection, memory: sqlite3.Connection) -> None:
    """Copy a journal, and let go of it between two steps: who writes to it waits for no more than one."""
    until = time.monotonic() + _COPY_MAX_S

    def look(_status: int, remaining: int, _total: int) -> None:
        if time.monotonic() > until and remaining:
            raise StateError("the journal in state_dir is written to, or locked, all the time; run again")

    stored.backup(memory, pages=_STEP_PAGES, progress=look, sleep=0.01)


def _unusable(path: Path, error: sqlite3.DatabaseError) -> StateError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _DAMAGE:
        return Damaged(path, str(error))
    return StateError(f"{path}: the journal cannot be used ({error}); move it away and run again")
