"""Runs the shell sessions of a Markdown page, as a reader would type them.

A page is one shell from top to bottom. It runs the blocks that are marked:

    ```console run      each line after `$ ` is typed, the lines below it are what is answered
    ```yaml FILE        is written to FILE (any language will do)

In an answer a line `…` stands for any lines, and `…` within a line for any text. What is answered is written into the
pages, but where a `…` still fits, by `UPDATE_DOCS=1 pytest tests/docs tests/e2e/test_pages.py`.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+) (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LONGEST_S = 240
_MARK = "--8<-- {}"


@dataclass
class Step:
    """One command of a page and what it answers there; `said` is what it answered now."""

    line: int
    command: str
    shown: str
    said: str = field(default="", compare=False)

    @property
    def fits(self) -> bool:
        """True where the answer is the one that the page shows."""
        pattern = re.sub(r"(?m)^…\\\n", r"(?:.*\\n)*?", re.escape(self.shown)).replace("…", ".*?")
        return re.fullmatch(pattern, self.said) is not None


@dataclass
class Page:
    """A page: its text, and its steps in order."""

    path: Path
    text: str
    steps: list[Step]
    script: str

    @classmethod
    def read(cls, path: Path) -> Page:
        """Return the page in a file."""
        text, steps, script = path.read_text(), list[Step](), list[str]()
        for block in _BLOCK.finditer(text):
            language, name, body = block.groups()
            if (language, name) != ("console", "run"):
                script.append(f"cat > {name} <<'END OF FILE'\n{body}END OF FILE\n")
                continue
            line = text[: block.start(3)].count("\n") + 1
            for part in re.split(r"(?m)^\$ ", body)[1:]:
                command, _, shown = part.partition("\n")
                script.append(f"printf '%s\\n' '{_MARK.format(len(steps))}'\n{command}\n")
                steps.append(Step(line, command, shown.rstrip("\n") + "\n" if shown.strip() else ""))
                line += part.count("\n")
        return cls(path, text, steps, "".join(script))

    def run(self, folder: Path, env: dict[str, str], hide: dict[str, str]) -> None:
        """Type all steps in `folder` and note what is answered; `hide` replaces text in the answers."""
        answer = _typed(self.script, folder, env)
        for real, shown in hide.items():
            answer = answer.replace(real, shown)
        parts = re.split(r"(?m)^" + _MARK.format(r"\d+") + "\n", answer)[1:]
        assert len(parts) == len(self.steps), f"the shell ended early: {answer[-2000:]}"
        for step, said in zip(self.steps, parts, strict=True):
            step.said = said

    def update(self) -> None:
        """Write what was answered into the page."""

        def renewed(block: re.Match[str]) -> str:
            if block.groups()[:2] != ("console", "run"):
                return block.group(0)
            body = "".join(f"$ {one.command}\n{one.shown if one.fits else one.said}" for one in mine(block))
            return f"```console run\n{body}```"

        def mine(block: re.Match[str]) -> list[Step]:
            first, last = (self.text[:at].count("\n") + 1 for at in (block.start(3), block.end(3)))
            return [step for step in self.steps if first <= step.line < last]

        self.path.write_text(_BLOCK.sub(renewed, self.text))


def _typed(script: str, folder: Path, env: dict[str, str]) -> str:
    """Return all that a shell answers; what it leaves running is ended with it."""
    shell = subprocess.Popen(
        ["bash", "-c", script],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        return shell.communicate(timeout=_LONGEST_S)[0]
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"not done in {_LONGEST_S} s: {(error.output or b'').decode()[-2000:]}") from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
