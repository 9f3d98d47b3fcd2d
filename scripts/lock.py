"""Resolve the dependencies anew into lock files that pin by hash and hold no address: lock.py PATH_OF_UV."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NODE = ("tests/support/kv", "tests/e2e/web")
LOCKS = {
    # Image, GitHub Action and systemd unit are installed from this one: reloads by the Docker API are part of it.
    "requirements.lock": ["pyproject.toml", "--extra", "docker"],
    "requirements-dev.lock": ["pyproject.toml", "--extra", "dev"],
    "deploy/docker/build.lock": ["deploy/docker/build.in"],
    "deploy/tools.lock": ["deploy/tools.in"],
}
"""Lock file -> what it is made of."""
BARE = ["--universal", "--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--quiet"]
OLDEST = ["--python-version", "3.11"]


def lock_python(uv: str) -> None:
    """Write the lock files of Python packages."""
    for name, sources in LOCKS.items():
        argv = [uv, "pip", "compile", *BARE, *OLDEST, "--upgrade", *sources, "-o", name]
        subprocess.run(argv, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def lock_node(folder: Path) -> None:
    """Write the lock file beside a package.json; npm's addresses and funding links are left out."""
    with tempfile.TemporaryDirectory() as work:
        shutil.copyfile(folder / "package.json", Path(work, "package.json"))
        options = ["--package-lock-only", "--ignore-scripts", "--omit-lockfile-registry-resolved", "--no-audit"]
        subprocess.run(["npm", "install", *options], cwd=work, check=True, stdout=subprocess.DEVNULL)
        lock = json.loads(Path(work, "package-lock.json").read_text())
    for package in lock["packages"].values():
        package.pop("funding", None)
    (folder / "package-lock.json").write_text(json.dumps(lock, indent=2) + "\n")


if __name__ == "__main__":
    lock_python(sys.argv[1])
    for name in NODE:
        lock_node(ROOT / name)
