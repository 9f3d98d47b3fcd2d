"""Completion: the scripts for three shells, and what a real bash gets from them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import syncd_cli

CONFIG = """\
version: 1
owner: completion
consul: {token: "${NOT_SET:?it is not}"}
targets:
  edge-de: {kind: env_file, path: a, vars: {}}
  edge-us: {kind: env_file, path: b, vars: {}}
  app: {kind: env_file, path: c, vars: {}}
"""
# What bash does at a Tab, without a terminal: call the function of the script on the words.
ASK = """\
. ./completion.sh
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_syncd_completion "$1"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def bash(tmp_path: Path) -> Path:
    """A folder with a config, the bash script as syncd prints it, and `syncd` on a PATH of its own."""
    if not shutil.which("bash"):
        pytest.skip("no bash on this machine")
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "other.yaml").write_text("targets: {other: {}}\n")
    (tmp_path / "completion.sh").write_text(syncd_cli("--show-completion", "bash", cwd=tmp_path).stdout)
    (tmp_path / "syncd").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m syncd "$@"\n')
    (tmp_path / "syncd").chmod(0o755)
    return tmp_path


def offered(folder: Path, *words: str) -> list[str]:
    """Return what bash offers for the last word."""
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder)}
    argv = ["bash", "--norc", "-c", ASK, "bash", *words]
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["syncd", "pl"], ["plan"]),
        (["syncd", "plan", "--det"], ["--detailed-exitcode"]),
        (["syncd", "once", "--format", "m"], ["markdown"]),
        (["syncd", "once", "--target", "edge"], ["edge-de", "edge-us"]),
        (["syncd", "once", "--config", "other.yaml", "--target", ""], ["other"]),
        (["syncd", "--config", "other.yaml", "once", "--target", ""], ["other"]),
        (["syncd", "--config", "nowhere.yaml", "once", "--target", ""], []),
    ],
    ids=" ".join,
)
def test_bash_is_offered(bash: Path, words: list[str], expected: list[str]) -> None:
    """Commands, options, choices, and the targets of the config, whose faults are not its business."""
    assert offered(bash, *words) == expected


@pytest.mark.parametrize(
    "text", ["targets: [a, 1]", "targets:", "[]", "{", "", "targets: 5"], ids=lambda text: text or "empty"
)
def test_a_broken_config_says_nothing(bash: Path, text: str) -> None:
    """Whoever types has not asked for its faults."""
    (bash / "config.yaml").write_text(text)
    assert offered(bash, "syncd", "once", "--target", "x") == []


@pytest.mark.parametrize(("shell", "mark"), [("zsh", "#compdef syncd"), ("fish", "complete --command syncd")])
def test_the_script_of_other_shells(tmp_path: Path, shell: str, mark: str) -> None:
    """It is printed for the shell that is named, in whatever it is asked: no shell is looked for."""
    printed = syncd_cli("--show-completion", shell, cwd=tmp_path, env={"SHELL": "/bin/false"})
    assert printed.rc == 0
    assert printed.stdout.startswith(mark)


def test_it_is_installed_below_home(tmp_path: Path) -> None:
    """For the shell that is named; a shell that nobody knows is wrong usage."""
    installed = syncd_cli("--install-completion", "bash", cwd=tmp_path)
    assert installed.rc == 0
    assert str(tmp_path / ".bash_completions/syncd.sh") in (tmp_path / ".bashrc").read_text()
    assert syncd_cli("--install-completion", "tcsh", cwd=tmp_path).rc == 64
