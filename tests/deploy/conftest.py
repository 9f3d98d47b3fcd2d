"""A real engine with our image and the stand-ins, once per run; and the linters of scripts/verify_deploy.py."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import standins
from tests.support import binaries
from tests.support.docker import PROGRAMS, Engine, running

IMAGE = "syncd:verify"
REVISION = "0123456789abcdef"


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A Docker Engine of our own that holds the stand-ins and our image."""
    if os.geteuid() != 0 or not all(path.exists() for path in (*PROGRAMS, standins.BASE)):
        binaries.missing("docker engine for the image (run: make verify-deploy)")
    with running(network=True) as found, tempfile.TemporaryDirectory(prefix="sd-", dir="/var/tmp") as folder:
        standins.build(found, Path(folder))
        arguments = {"PYTHON_IMAGE": standins.PYTHON, "REVISION": REVISION}
        given = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        found.ok("build", "-q", "-t", IMAGE, *given, ".")
        yield found


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder of hadolint, shellcheck, check-jsonschema and zizmor."""
    folder = binaries.CACHE / "deploy" / "tools" / "bin"
    if not (folder / "zizmor").exists():
        binaries.missing("linters of the deployment files (run: make verify-deploy)")
    return folder
