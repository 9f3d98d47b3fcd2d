"""A real nginx of the test's own: its own folder, ports and pid file; never the machine's."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.support import processes

MAIN = """\
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 512; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {include};
}}
"""


class NginxServer:
    """nginx that includes the `*.conf` of one folder inside its `http {}`.

    `conf_dir` is that folder (write your servers there, with ports from `free_port()`); `test_argv` and `reload_argv`
    are what a `reloads:` block of syncd takes as `check` and `run`; `pid_file` and `error_log` are its files.
    """

    def __init__(self, binary: str, folder: Path, conf_dir: Path) -> None:
        self.folder = folder
        self.conf_dir = conf_dir
        self.pid_file = folder / "nginx.pid"
        self.error_log = folder / "error.log"
        folder.mkdir(parents=True, exist_ok=True)
        conf_dir.mkdir(parents=True, exist_ok=True)
        user = "user root root;" if os.geteuid() == 0 else ""  # else its workers cannot enter pytest's folders
        conf = folder / "nginx.conf"
        conf.write_text(MAIN.format(folder=folder, user=user, include=conf_dir / "*.conf"))
        self._argv = [binary, "-e", str(self.error_log), "-p", str(folder), "-c", str(conf)]
        self.test_argv = [*self._argv, "-t"]
        self.reload_argv = [*self._argv, "-s", "reload"]
        self._process: subprocess.Popen[bytes] | None = None

    def write(self, name: str, text: str) -> Path:
        """Write a file of `conf_dir` and return its path."""
        path = self.conf_dir / name
        path.write_text(text)
        return path

    def test(self) -> tuple[bool, str]:
        """Return whether `nginx -t` accepts what is on disk, and what it says."""
        done = subprocess.run(self.test_argv, capture_output=True, text=True, check=False, timeout=20)
        return done.returncode == 0, done.stderr

    def start(self) -> NginxServer:
        """Start it and wait until its workers are there."""
        self._process = processes.spawn(self._argv, log=self.error_log)
        processes.await_server("nginx", self._process, self.error_log, lambda: bool(self.workers()))
        return self

    def reload(self) -> None:
        """Have it reread its files; its new workers take over a few milliseconds later."""
        subprocess.run(self.reload_argv, capture_output=True, check=True, timeout=20)

    def workers(self) -> set[int]:
        """Return the process ids of its workers: all others after a reload that was good."""
        if not self.pid_file.exists() or not (master := self.pid_file.read_text().strip()):
            return set()
        children = Path(f"/proc/{master}/task/{master}/children")
        return {int(pid) for pid in children.read_text().split()} if children.exists() else set()

    def stop(self) -> None:
        """End it."""
        if self._process:
            processes.end(self._process)
