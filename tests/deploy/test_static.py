"""The deployment files by the tools that know their formats: every one is clean."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import syncd
from tests.support import binaries
from tests.support.binaries import ROOT

pytestmark = pytest.mark.e2e

COMPOSE = sorted((ROOT / "deploy" / "compose").glob("*.yaml"))
WORKFLOWS = sorted([*(ROOT / ".github/workflows").glob("*.yml"), *(ROOT / "deploy/github/examples").glob("*.yml")])
SCRIPTS = sorted([*(ROOT / "deploy").rglob("*.sh"), *(ROOT / "templates").rglob("*.sh"), ROOT / ".ci/run"])


def clean(*argv: str | Path, env: dict[str, str] | None = None) -> str:
    """Run a tool that must end with 0 and say nothing on stderr; return its stdout."""
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False, cwd=ROOT, env=env)
    assert (done.returncode, done.stderr) == (0, ""), f"{argv[0]}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_dockerfile(tools: Path) -> None:
    """hadolint finds nothing in the Dockerfile."""
    assert clean(tools / "hadolint", "Dockerfile") == ""


def test_the_image_says_its_version() -> None:
    """Without a build argument the label holds this version."""
    default = re.search(r"^ARG VERSION=(.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert default
    assert default[1] == syncd.__version__


def test_ci_does_not_pass_what_it_did_not_run(tmp_path: Path) -> None:
    """Where the engine cannot be had .ci/run ends with 1; by a variable it is left out on purpose, and 0."""
    for name, text in (("make", "echo made $*"), ("unshare", "exit 1")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for more, code in ({}, 1), ({"SYNCD_CI_WITHOUT_ENGINE": "true"}, 0):
        done = subprocess.run([str(ROOT / ".ci/run")], env={**environment, **more}, capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        assert "NOT RUN" in done.stderr
        assert "made test" in done.stdout


def test_shell_scripts(tools: Path) -> None:
    """shellcheck finds nothing in any script that is shipped."""
    assert SCRIPTS
    assert clean(tools / "shellcheck", *SCRIPTS) == ""


def test_schemas(tools: Path) -> None:
    """Compose files, action and workflows are what their schemas want."""
    check = tools / "check-jsonschema"
    for name, files in (
        ("compose-spec", COMPOSE),
        ("github-workflows", WORKFLOWS),
        ("github-actions", [ROOT / "action.yml"]),
    ):
        assert files
        clean(check, "--builtin-schema", f"vendor.{name}", *files)


def test_workflows_are_safe(tools: Path) -> None:
    """zizmor finds nothing in action and workflows."""
    clean(tools / "zizmor", "--offline", "--quiet", "--no-progress", "action.yml", *WORKFLOWS)


@pytest.mark.parametrize("files", [["compose.yaml"], ["compose.yaml", "cluster.yaml"]], ids=" ".join)
def test_compose_reads_it(files: list[str]) -> None:
    """`docker compose config` reads the stack and its variant, without a warning."""
    argv, environment = binaries.compose_command()
    given = [word for name in files for word in ("-f", str(ROOT / "deploy" / "compose" / name))]
    assert clean(*argv, *given, "config", "--quiet", env=environment) == ""


def test_systemd_unit(tmp_path: Path) -> None:
    """systemd knows every line of the unit (it ends with 0 on a typo, but says so), and its exposure is at most 2.0."""
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        binaries.missing("systemd-analyze")
    unit = tmp_path / "syncd.service"
    text = (ROOT / "deploy" / "systemd" / "syncd.service").read_text()
    unit.write_text(text.replace("/opt/syncd/bin/syncd", shutil.which("true") or "/bin/true"))
    clean(analyze, "verify", "--man=no", unit, env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"})
    clean(analyze, "security", "--offline=true", "--threshold=20", "--no-pager", unit)
