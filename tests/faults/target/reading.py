"""A process that reads files all the time and counts what is torn: `python -m tests.faults.target.reading PATHS…`.

A file is whole where its first line is the SHA-256 of the rest. It reads until stdin ends, then prints what it saw.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

from tests.support.nest import ROOT

PAUSE_S = 0.003


def signed(text: str) -> str:
    """Return the text with the line before it that proves it whole."""
    return f"{sha256(text.encode()).hexdigest()}\n{text}"


def whole(content: bytes) -> bool:
    """Return whether this is all of a signed text."""
    first, _, rest = content.partition(b"\n")
    return sha256(rest).hexdigest().encode() == first


class ReaderProcess:
    """The process, for a `with` block; afterwards `looks`, `torn` and `missing` are known."""

    def __init__(self, *paths: Path) -> None:
        self._argv = [sys.executable, "-m", "tests.faults.target.reading", *map(str, paths)]
        self.looks = self.torn = self.missing = 0

    def __enter__(self) -> ReaderProcess:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._argv, stdin=pipe, stdout=pipe, cwd=ROOT, env=environment)
        return self

    def __exit__(self, *_: object) -> None:
        said = json.loads(self._process.communicate(timeout=10)[0])
        self.looks, self.torn, self.missing = said["looks"], said["torn"], said["missing"]


def main() -> None:
    """Read until stdin ends."""
    paths = [Path(path) for path in sys.argv[1:]]
    found = {"looks": 0, "torn": 0, "missing": 0}
    while not select.select([0], [], [], 0)[0]:
        for path in paths:
            try:
                found["torn"] += not whole(path.read_bytes())
            except FileNotFoundError:
                found["missing"] += 1
        found["looks"] += 1
        time.sleep(PAUSE_S)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
