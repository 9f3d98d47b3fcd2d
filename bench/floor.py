"""The floor: the least that any program must do for a change to arrive in a file, as a bare loop in its own process.

Blocking query on aiohttp, msgspec decode, Jinja2 render, the journal's first commit, temporary file, fsync, chmod,
rename, folder fsync, the journal's second commit. No retries, no checks, no comparison, no log: not something to run.
"""

import asyncio
import os
import sqlite3
import sys
from pathlib import Path

import aiohttp
import jinja2
import msgspec


class Pair(msgspec.Struct, gc=False):
    """One key of the KV store."""

    key: str = msgspec.field(name="Key")
    value: bytes = msgspec.field(name="Value")


def open_journal(path: Path) -> sqlite3.Connection:
    """Return a database that is as durable as syncd's journal; a test compares the two."""
    journal = sqlite3.connect(path, isolation_level=None)
    journal.execute("PRAGMA journal_mode = TRUNCATE")
    journal.execute("PRAGMA synchronous = FULL")
    journal.execute("CREATE TABLE intents (name TEXT PRIMARY KEY, steps TEXT)")
    journal.execute("CREATE TABLE entries (path TEXT PRIMARY KEY, digest TEXT)")
    return journal


def replace(path: Path, content: bytes, journal: sqlite3.Connection) -> None:
    """Put `content` in place, durably, between two commits."""
    temporary = path.with_name(f".{path.name}.new")
    with _commit(journal):
        journal.execute("INSERT INTO intents VALUES (?, ?)", (path.name, str(temporary)))
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(descriptor, 0o644)
        os.fsync(descriptor)
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    os.fsync(folder)
    os.close(folder)
    with _commit(journal):
        journal.execute("INSERT OR REPLACE INTO entries VALUES (?, ?)", (str(path), str(len(content))))
        journal.execute("DELETE FROM intents")


class _commit:
    def __init__(self, journal: sqlite3.Connection) -> None:
        self._journal = journal

    def __enter__(self) -> None:
        self._journal.execute("BEGIN IMMEDIATE")

    def __exit__(self, *_: object) -> None:
        self._journal.execute("COMMIT")


async def follow(consul: str, prefix: str, template: Path, path: Path, journal: sqlite3.Connection) -> None:
    """Write the rendered template at every change below `prefix`, for ever."""
    rendered = jinja2.Environment(keep_trailing_newline=True).from_string(template.read_text())
    decoder = msgspec.json.Decoder(list[Pair])
    cut, index = len(prefix), 0
    async with aiohttp.ClientSession() as session:
        while True:
            url = f"{consul}/v1/kv/{prefix}?recurse&index={index}&wait=30s"
            async with session.get(url) as answer:
                body = await answer.read()
                index = int(answer.headers["X-Consul-Index"])
            values = {pair.key[cut:]: pair.value.decode() for pair in decoder.decode(body)}
            content = rendered.render(tree=lambda _folder, values=values: values)
            replace(path, content.encode(), journal)


if __name__ == "__main__":
    consul, prefix, template, path, state = sys.argv[1:]
    asyncio.run(follow(consul, prefix, Path(template), Path(path), open_journal(Path(state))))
