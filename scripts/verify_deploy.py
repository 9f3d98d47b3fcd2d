"""Have below .cache/deploy/ what `make verify-deploy` needs: linters by pip, an engine and a base image by apt."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from private_apt import SetupError, run, unpack

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".cache" / "deploy"
SYSTEM = {"runc": "runc", "iptables": "iptables", "tini-static": "tini", "mmdebstrap": "mmdebstrap"}
"""Programs that must be installed on the machine -> their Debian package."""


def linters() -> None:
    """Install hadolint, shellcheck, check-jsonschema and zizmor, pinned by hash in deploy/tools.lock."""
    lock = ROOT / "deploy" / "tools.lock"
    done = FOLDER / "tools" / "installed.lock"
    if done.exists() and done.read_bytes() == lock.read_bytes():
        return
    run([sys.executable, "-m", "venv", "--clear", str(FOLDER / "tools")])
    pip = [str(FOLDER / "tools" / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--require-hashes", "-r", str(lock)])
    shutil.copyfile(lock, done)


def engine() -> None:
    """Unpack Debian 13's Docker Engine, and install what of Debian it needs beside it. Needs root."""
    if os.geteuid() != 0:
        raise SetupError("the engine needs root; the linters run without")
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    if absent := [package for program, package in SYSTEM.items() if not shutil.which(program, path=path)]:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "-qq", "update"])
        run(["apt-get", "-qq", "-y", "--no-install-recommends", "install", *absent], env=environment)
    sys.path.insert(0, str(ROOT))
    from tests.deploy.engine import PACKAGES, PROGRAMS
    from tests.deploy.standins import make_base

    if not PROGRAMS.is_dir():
        unpack("trixie", PACKAGES, PROGRAMS)
    make_base()


def main() -> int:
    """Prepare both; a missing one is said, and with CI=true a failure."""
    missing = False
    for part in (linters, engine):
        try:
            part()
        except (SetupError, OSError) as fault:
            print(f"  {part.__name__}: MISSING, its tests cannot run: {fault}", flush=True)
            missing = True
    return 1 if missing and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
