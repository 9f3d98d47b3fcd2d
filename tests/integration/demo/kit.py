"""A folder that holds what a checkout holds for the demo, and commands that run in it until they are stopped."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.support import processes
from tests.support.cli import Ran, syncd_cli
from tests.support.processes import signal_group, wait_until

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = ("config.yaml", "seed.yaml", "templates")


class Checkout:
    """The shipped files in a folder of the test's own; `temp` is where its commands put what is temporary."""

    def __init__(self, folder: Path, nginx: str) -> None:
        self.folder = folder / "checkout"
        self.temp = folder / "temp"
        self.folder.mkdir()
        self.temp.mkdir()
        for name in SHIPPED:
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, self.folder / name)
        self.env = {"NGINX": nginx, "TMPDIR": str(self.temp)}
        self.running: list[Running] = []

    def syncd(self, *args: str, **env: str) -> Ran:
        """Run syncd to its end."""
        return syncd_cli(*args, cwd=self.folder, env={**self.env, **env})

    def start(self, *args: str, **env: str) -> Running:
        """Start syncd."""
        self.running.append(Running(self.folder, args, {**self.env, **env}))
        return self.running[-1]

    def outputs(self) -> dict[str, str]:
        """Return what was written: path below out/ -> text; without the state dir."""
        found = (path for path in (self.folder / "out").rglob("*") if path.is_file() and ".demo" not in path.parts)
        return {str(path.relative_to(self.folder / "out")): path.read_text() for path in sorted(found)}


class Running:
    """A syncd that runs until it is stopped, in a process group of its own as in a terminal."""

    def __init__(self, folder: Path, args: tuple[str, ...], env: dict[str, str]) -> None:
        self._folder = folder
        self._files = [folder.parent / f"{name}-{os.urandom(4).hex()}" for name in ("stdout", "stderr")]
        with self._files[0].open("wb") as out, self._files[1].open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "syncd", *args],
                cwd=folder,
                env={"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", **env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """What it wrote to stdout until now."""
        return self._files[0].read_text()

    @property
    def logged(self) -> str:
        """What it wrote to stderr until now."""
        return self._files[1].read_text()

    def until(self, text: str) -> str:
        """Wait until `text` is on stdout, and return all that is there; fails where the command ends before."""

        def there() -> bool:
            assert self.process.poll() is None or text in self.said, f"ended: {self.said}{self.logged}"
            return text in self.said

        wait_until(there, 20, f"'{text}' on stdout")
        return self.said

    def typed(self, line: str) -> str:
        """Return what a printed line answers that is typed as it stands, in the same folder."""
        done = subprocess.run(
            ["sh", "-c", line], cwd=self._folder, capture_output=True, text=True, check=False, timeout=20
        )
        return done.stdout

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Signal the whole group, as a terminal does, and return the exit code; it must end within 5 s."""
        signal_group(self.process, number)
        code = self.process.wait(timeout=5)
        assert "Traceback" not in self.logged, self.logged
        return code

    def kill(self) -> None:
        """End it, whatever it does, and an nginx that it would leave behind."""
        processes.end(self.process)
        for pid_file in self._folder.parent.rglob("nginx.pid"):
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(int(pid_file.read_text()), signal.SIGKILL)


def lines_to_type(said: str) -> list[str]:
    """Return the lines that a reader is told to type, in order."""
    found: list[str] = re.findall(r"^ +((?:curl|grep) .*)$", said, re.MULTILINE)
    return [line if shlex.split(line)[0] == "grep" else line.replace("curl ", "curl -sS ", 1) for line in found]
