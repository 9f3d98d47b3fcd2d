"""A real Chromium driven by Playwright, through browser.mjs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.support import binaries, processes

DRIVER = Path(__file__).parent / "browser.mjs"
MODULES = binaries.CACHE / "browser"


class Browser:
    """One browser with one page."""

    def __init__(self, log: Path) -> None:
        chromium = shutil.which("chromium")
        node = shutil.which("node")
        if not chromium or not node or not (MODULES / "node_modules/playwright-core").is_dir():
            binaries.missing("chromium")
        self._log = log
        self._process = processes.spawn_talking([node, str(DRIVER), chromium, str(MODULES)], log=log)

    def __call__(self, do: str, **arguments: Any) -> Any:
        """Do one of browser.mjs' verbs and return its result."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the browser ended: {self._log.read_text()[-2000:]}"
        answer = json.loads(line)
        assert "error" not in answer, f"{do} {arguments}: {answer['error']}"
        return answer["result"]

    def open(self, port: int, **how: Any) -> None:
        """Open the status page (`width`, `scheme`), and wait until it is live."""
        self("open", url=f"http://127.0.0.1:{port}/", **how)
        self("wait", until="document.documentElement.dataset.connection === 'live'")

    def wait_for(self, selector: str, text: str) -> None:
        """Wait until an element shows a text."""
        self("wait", until=f"document.querySelector({selector!r})?.innerText.includes({text!r})")

    def text(self, selector: str) -> str:
        """Return what an element shows."""
        return str(self("evaluate", script=f"document.querySelector({selector!r}).innerText"))

    def close(self) -> None:
        """End it."""
        processes.end(self._process)
