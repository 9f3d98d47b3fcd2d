"""Have below .cache/deploy/ what `make verify-deploy` needs: linters by pip, an engine and a base image by apt."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from private_apt import SetupError, codename, machine_source, run, unpack

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
FOLDER = CACHE / "deploy"
BASE = FOLDER / "base.tar"
SYSTEM = {
    "runc": "runc",
    "iptables": "iptables",
    "ip": "iproute2",
    "tini-static": "tini",
    "mmdebstrap": "mmdebstrap",
}
"""Programs that must be on the machine, beside what `servers.py e2e` brings -> their Debian package."""


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
    """Have what the engine needs beside itself to build images and to give them a network. Needs root."""
    if os.geteuid() != 0:
        raise SetupError("the engine needs root; the linters run without")
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    if absent := [package for program, package in SYSTEM.items() if not shutil.which(program, path=path)]:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "-qq", "update"])
        run(["apt-get", "-qq", "-y", "--no-install-recommends", "install", *absent], env=environment)
    if not (CACHE / "buildx").is_dir():
        unpack("trixie", ["docker-buildx"], CACHE / "buildx")


def base() -> None:
    """Make a minimal Debian with Python as a tar: the stand-in for images that cannot be pulled (a minute, once)."""
    if BASE.exists():
        return
    if os.geteuid() != 0:
        raise SetupError("only root can make it")
    FOLDER.mkdir(parents=True, exist_ok=True)
    part = BASE.with_name("base.part.tar")
    packages = "--include=ca-certificates,python3-venv"
    run(["mmdebstrap", "--variant=minbase", packages, codename(), str(part), machine_source().uri], timeout_s=600)
    part.rename(BASE)


def main() -> int:
    """Prepare all; a missing one is said, and with CI=true a failure."""
    missing = False
    for part in (linters, engine, base):
        try:
            part()
        except (SetupError, OSError) as fault:
            print(f"  {part.__name__}: MISSING, its tests cannot run: {fault}", flush=True)
            missing = True
    return 1 if missing and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
