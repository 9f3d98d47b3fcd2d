"""check.sh and reload.sh: what they ask of nginx, and when not being able to is no failure."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.nginx.rendering import ROOT
from tests.support import binaries
from tests.support.nginx import NginxServer
from tests.support.processes import wait_until

SERVER = "server { listen 127.0.0.1:1; }\n"


def sh(name: str, *args: str, cwd: Path, **env: str) -> tuple[int, str]:
    """Run a script as syncd does; return how it ended, and what it said."""
    done = subprocess.run(
        ["sh", str(ROOT / "templates/nginx" / name), *args],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder, with a space in its name, as syncd leaves it before the check."""
    folder = tmp_path / "a checkout"
    (folder / "out/nginx").mkdir(parents=True)
    return folder


def test_check_looks_at_the_written_files_only(checkout: Path) -> None:
    """Good files pass and leave nothing behind; a bad one fails with nginx's words and its name."""
    temporary = checkout / "tmp"
    temporary.mkdir()
    written = checkout / "out/nginx/a.conf"
    written.write_text(SERVER)
    (checkout / "out/nginx/.a.conf.syncd-1").write_text("not looked at")
    assert sh("check.sh", binaries.nginx_bin(), cwd=checkout, TMPDIR=str(temporary)) == (0, "")
    written.write_text("upstream nobody {\n}\n")
    code, said = sh("check.sh", binaries.nginx_bin(), cwd=checkout, TMPDIR=str(temporary))
    assert code == 1
    assert f"no servers are inside upstream in {written}:2" in said
    assert list(temporary.iterdir()) == []


def test_check_without_nginx_fails(checkout: Path) -> None:
    """Nothing was looked at, so nothing passed."""
    code, said = sh("check.sh", "no-such-nginx", cwd=checkout)
    assert code != 0
    assert "no-such-nginx" in said


def wrapper(folder: Path, nginx: NginxServer) -> str:
    """Return an `nginx` that has this server's configuration as its own."""
    path = folder / "nginx"
    path.write_text(f'#!/bin/sh\nexec {" ".join(nginx.test_argv[:-1])} "$@"\n')
    path.chmod(0o755)
    return str(path)


def test_reload_reaches_the_nginx_that_runs(tmp_path: Path, nginx_server: Callable[..., NginxServer]) -> None:
    """Its workers are others afterwards."""
    nginx = nginx_server(SERVER.replace("127.0.0.1:1", f"unix:{tmp_path}/s")).start()
    before = nginx.workers()
    assert sh("reload.sh", wrapper(tmp_path, nginx), cwd=tmp_path) == (0, "")
    wait_until(lambda: nginx.workers() and not before & nginx.workers(), why="the workers are new ones")


@pytest.mark.parametrize("pid", [None, "", "dead"])
def test_an_nginx_that_does_not_run_has_nothing_to_reload(
    tmp_path: Path, nginx_server: Callable[..., NginxServer], pid: str | None
) -> None:
    """No pid file, an empty one (`nginx -t` leaves that), or one of a process that is gone."""
    nginx = nginx_server(SERVER)
    if pid == "dead":
        gone = subprocess.Popen(["true"])
        gone.wait()
        pid = str(gone.pid)
    if pid is not None:
        nginx.pid_file.write_text(pid)
    code, said = sh("reload.sh", wrapper(tmp_path, nginx), cwd=tmp_path)
    assert (code, said) == (0, "nginx does not run: nothing to reload\n")


def test_a_reload_that_nginx_refuses_fails(tmp_path: Path, nginx_server: Callable[..., NginxServer]) -> None:
    """Its main configuration is broken elsewhere: nginx's words, and no success."""
    nginx = nginx_server(SERVER).start()
    nginx.write("broken.conf", "include /nowhere/nginx.conf;")
    code, said = sh("reload.sh", wrapper(tmp_path, nginx), cwd=tmp_path)
    assert code == 1
    assert "/nowhere/nginx.conf" in said


def test_reload_without_nginx_fails(tmp_path: Path) -> None:
    """No such program."""
    code, said = sh("reload.sh", "no-such-nginx", cwd=tmp_path)
    assert code == 1
    assert "no-such-nginx" in said
