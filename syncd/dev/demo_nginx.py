"""The demo's own nginx: in a temporary folder, on a free port; the machine's is never touched."""

import asyncio
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from syncd.core.errors import SyncdError
from syncd.dev.serve import HOST

_SBIN = "/usr/sbin:/usr/local/sbin"  # where nginx often is, and where a user's PATH often does not lead
_NONE = "true"  # what NGINX says where there shall be none (docs/nginx.md)
_START_S, _STOP_S, _PAUSE_S = 5.0, 2.0, 0.02
_LINES_OF_LOG = 5
_MAIN = """\
daemon off;
worker_processes 1;
pid "{folder}/nginx.pid";
error_log "{folder}/error.log";
events {{
}}
http {{
    access_log off;
    client_body_temp_path "{folder}/body";
    proxy_temp_path "{folder}/proxy";
    fastcgi_temp_path "{folder}/fastcgi";
    uwsgi_temp_path "{folder}/uwsgi";
    scgi_temp_path "{folder}/scgi";
    include "{include}";
}}
"""


class NginxFailed(SyncdError):
    """The demo's nginx did not start."""


def find(env: Mapping[str, str]) -> str | None:
    """Return the nginx program: what NGINX names, else the one on PATH or in /usr/sbin; None for none."""
    wanted = env.get("NGINX") or "nginx"
    if wanted == _NONE:
        return None
    return shutil.which(wanted, path=f"{env.get('PATH', os.defpath)}:{_SBIN}")


class OwnNginx:
    """An nginx that serves the files which match `include`; `command` is a program that is `nginx` to whoever runs it.

    As installed ones it has a main configuration of its own, so `command -s reload` reloads it and no other.
    """

    def __init__(self, program: str, folder: Path, include: str, port: int) -> None:
        self.url = f"http://{HOST}:{port}"
        self._port = port
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        folder.chmod(0o755)  # started by root, its workers are somebody else
        main = folder / "nginx.conf"
        main.write_text(_MAIN.format(folder=folder, include=include))
        argv = [program, *_log_option(program, folder), "-p", str(folder), "-c", str(main)]
        script = folder / "nginx"
        script.write_text(f'#!/bin/sh\nexec {shlex.join(argv)} "$@"\n')
        script.chmod(0o755)
        self.command = str(script)

    async def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            NginxFailed: it did not, with what it said.
        """
        with (self._folder / "output").open("wb") as output:
            # A process group of its own: Ctrl-C in the terminal is for us, and we end it.
            self._process = await asyncio.create_subprocess_exec(
                self.command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0
            )
        try:
            async with asyncio.timeout(_START_S):
                while not await self._answers():
                    if self._process.returncode is not None:
                        raise NginxFailed(f"nginx did not start: {self._said()}; NGINX=true does without")
                    await asyncio.sleep(_PAUSE_S)
        except TimeoutError as error:
            raise NginxFailed(
                f"nginx does not answer at {self.url}: {self._said()}; NGINX=true does without"
            ) from error

    async def stop(self) -> None:
        """End it, if it runs."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(HOST, self._port)
        except OSError:
            return False
        writer.close()
        return True

    def _said(self) -> str:
        text = "".join(
            path.read_text(errors="replace")
            for name in ("output", "error.log")
            if (path := self._folder / name).exists()
        )
        return "\n".join(text.splitlines()[-_LINES_OF_LOG:]) or "it says nothing"


def _log_option(program: str, folder: Path) -> list[str]:
    """Return what keeps nginx from opening the log it was built with, which is the machine's; new in nginx 1.19.5."""
    usage = subprocess.run([program, "-h"], capture_output=True, check=False, text=True, timeout=_START_S)
    return ["-e", str(folder / "error.log")] if "-e filename" in usage.stdout + usage.stderr else []
