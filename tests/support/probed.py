"""A site whose file has to be proved, and a probe that the test lets pass or fail."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import free_port, wait_until
from tests.support.site import Site


class Probed:
    """A site with one file, whose reload writes down what it loads and whose probe is a port that may be closed."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._server: socket.socket | None = None
        reload = {
            "check": ["sh", "-c", "! grep -q refused out/a"],
            "run": ["sh", "-c", "cat out/a >> loaded; ! test -e broken"],
            "probe": {"tcp": f"127.0.0.1:{self.port}", "within": "1s"},
        }
        self.site = Site(folder, "app", reload, {"out/a": "old\n"})

    def open(self) -> None:
        """Let the probe pass."""
        self._server = socket.create_server(("127.0.0.1", self.port), backlog=100)

    def close(self) -> None:
        """Let it fail."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def want(self, text: str) -> None:
        """Set what the file should hold."""
        self.site.outputs["out/a"] = f"{text}\n"

    @property
    def held(self) -> str | None:
        """What the file holds."""
        path = self.site.path("out/a")
        return path.read_text().strip() if path.exists() else None

    def loaded(self) -> list[str]:
        """Return what the reload loaded each time since this was asked last."""
        path = self.site.folder / "loaded"
        words = path.read_text().split() if path.exists() else []
        path.unlink(missing_ok=True)
        return words

    def ended_while_probing(self, text: str, number: signal.Signals) -> int:
        """Apply `text` and send a signal while its probe waits; return the exit code."""
        self.close()
        self.want(text)
        self.site.reload["probe"]["within"] = "60s"
        process = self.site.start("once")
        loaded = self.site.folder / "loaded"
        wait_until(lambda: loaded.exists() and loaded.read_text().endswith("\n"), why="the reload has run")
        process.send_signal(number)
        code = process.wait(10)
        self.site.reload["probe"]["within"] = "1s"
        assert self.loaded() == [text]
        assert self.held == text
        return code


@pytest.fixture
def probed(tmp_path: Path) -> Iterator[Probed]:
    """A site whose file holds `old`, reloaded and proved."""
    one = Probed(tmp_path)
    one.open()
    assert one.site.once()[0] == 0
    assert one.loaded() == ["old"]
    assert one.site.left_over() == []
    yield one
    one.close()
