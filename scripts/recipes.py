"""How each real server that the tests talk to gets onto this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path

from private_apt import SetupError, codename, run, unpack

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
KV_SOURCES = ROOT / "tests" / "support" / "kv"
BROWSER_SOURCES = ROOT / "tests" / "e2e" / "web"
_installing = threading.Lock()


def consul() -> str:
    """Have a Consul agent: $SYNCD_CONSUL_BIN, the one on PATH, or Debian 11's 1.8.7 under the cache."""
    found = os.environ.get("SYNCD_CONSUL_BIN") or shutil.which("consul")
    if not found:
        if not (CACHE / "consul").is_dir():
            unpack("bullseye", ["consul"], CACHE / "consul")
        found = str(CACHE / "consul/usr/bin/consul")
    return run([found, "version"]).splitlines()[0]


def nginx() -> str:
    """Have nginx: the one on PATH, else Debian's under the cache, else (its libraries missing) installed by apt."""
    if shutil.which("nginx", path=_path_with_sbin()):
        return "the one on PATH"
    binary = CACHE / "nginx/usr/sbin/nginx"
    if not binary.exists():
        packages = ["nginx"] if codename() != "bullseye" else ["nginx-light"]
        unpack(codename(), packages, CACHE / "nginx")
    try:
        return _first_line_of_stderr([str(binary), "-v"])
    except SetupError:
        _apt_install("nginx-light")
        return "installed by apt"


def docker() -> str:
    """Have the docker CLI with its compose plugin (Debian 13's), for `docker compose config`; no engine."""
    folder = CACHE / "docker"
    if not folder.is_dir():
        unpack("trixie", ["docker-cli", "docker-compose"], folder)
    plugin = next(folder.glob("usr/lib*/docker/cli-plugins/docker-compose"))
    config = CACHE / "docker-config" / "cli-plugins"
    config.mkdir(parents=True, exist_ok=True)
    link = config / "docker-compose"
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(plugin)
    environment = {**os.environ, "DOCKER_CONFIG": str(config.parent)}
    return run([str(folder / "usr/bin/docker"), "compose", "version"], env=environment).strip()


def docker_engine() -> str:
    """Have a Docker Engine (Debian 13's) with what it runs containers by, and busybox to make an image of."""
    if os.geteuid() != 0:
        raise SetupError("only root can run it")
    if not (CACHE / "engine").is_dir():
        unpack("trixie", ["docker.io", "containerd"], CACHE / "engine")
    if not (CACHE / "busybox").is_dir():
        unpack(codename(), ["busybox-static"], CACHE / "busybox")
    # This release's own runc: the newer one wants a newer C library.
    absent = [name for name in ("runc", "tini") if not shutil.which(name, path=_path_with_sbin())]
    if absent:
        _apt_install(*absent)
    return run([str(CACHE / "engine/usr/sbin/dockerd"), "--version"]).strip()


def systemd() -> str:
    """Have systemd's environment.d generator, a plain program: its parser of env files. No manager is started."""
    if not Path("/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator").exists():
        _apt_install("systemd")
        return "installed by apt"
    return "the machine's own"


def workers_kv() -> str:
    """Have miniflare (workerd with Workers KV), installed by npm from the lock file beside our workers."""
    _npm(KV_SOURCES, CACHE / "kv")
    return "miniflare under node " + run(["node", "--version"]).strip()


def browser() -> str:
    """Have Chromium, the one on PATH or Debian's, and from npm what drives it and checks accessibility."""
    if not shutil.which("chromium"):
        _apt_install("chromium", "fonts-dejavu-core")
    _npm(BROWSER_SOURCES, CACHE / "browser")
    return run(["chromium", "--version"]).strip()


def _npm(sources: Path, folder: Path) -> None:
    """Install in `folder` what the lock file in `sources` pins."""
    if not (shutil.which("node") and shutil.which("npm")):
        _apt_install("nodejs", "npm")
    lock = (sources / "package-lock.json").read_bytes()
    done = folder / "installed.json"
    if not done.exists() or done.read_bytes() != lock:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(sources / name, folder / name)
        run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder)
        done.write_bytes(lock)


def _path_with_sbin() -> str:
    return os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin"


def _first_line_of_stderr(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(done.stderr.strip())
    return done.stderr.splitlines()[0]


def _apt_install(*packages: str) -> None:
    if os.geteuid() != 0:
        raise SetupError(f"not installed, and only root can; run: apt-get install {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _installing:  # dpkg takes one at a time
        run(["apt-get", "-qq", "update"])
        run(["apt-get", "-qq", "-y", "--no-install-recommends", "install", *packages], env=environment)
