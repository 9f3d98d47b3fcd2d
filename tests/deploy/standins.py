"""Images built here in place of those that cannot be pulled without a registry: a Python, a Consul, an nginx.

All are Debian of the machine's own release. What works on them is not yet
proved on the real ones.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support import binaries
from tests.support.binaries import CACHE
from tests.support.docker import Engine

PYTHON, CONSUL, NGINX = "standin/python:local", "standin/consul:local", "standin/nginx:local"
BASE = CACHE / "deploy" / "base.tar"
"""A minimal Debian with Python, made by scripts/verify_deploy.py."""

_PYTHON = """\
FROM scratch
ADD base.tar /
COPY ca.crt /etc/ssl/certs/ca-certificates.crt
COPY pip.conf /etc/pip.conf
CMD ["python3"]
"""
_CONSUL = f"""\
FROM {PYTHON}
COPY consul /usr/local/bin/consul
RUN groupadd --gid 1000 consul && useradd -o --uid 100 --gid 1000 consul && install -d -o 100 -g 1000 /consul/data
"""
_NGINX = f"""\
FROM {PYTHON}
COPY nginx /usr/sbin/nginx
RUN install -d /usr/share/nginx /var/lib/nginx
"""


def build(engine: Engine, folder: Path) -> None:
    """Build the three in `engine`, with build contexts below `folder`."""
    python = _context(folder / "python", _PYTHON)
    shutil.copyfile(BASE, python / "base.tar")
    # pip inside must trust what pip on this machine trusts.
    shutil.copyfile("/etc/ssl/certs/ca-certificates.crt", python / "ca.crt")
    settings = Path("/etc/pip.conf")
    (python / "pip.conf").write_text(settings.read_text() if settings.exists() else "")
    engine.ok("build", "-q", "-t", PYTHON, str(python))
    (python / "base.tar").unlink()

    consul = _context(folder / "consul", _CONSUL)
    shutil.copy(binaries.consul_bin(), consul / "consul")
    engine.ok("build", "-q", "-t", CONSUL, str(consul))

    nginx = _context(folder / "nginx", _NGINX)
    shutil.copy(binaries.nginx_bin(), nginx / "nginx")
    engine.ok("build", "-q", "-t", NGINX, str(nginx))


def _context(folder: Path, dockerfile: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text(dockerfile)
    return folder
