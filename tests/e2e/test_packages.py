"""Wheel and sdist: what is in them, and that syncd works from an installed wheel, far from any checkout."""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

import syncd
from tests.support.binaries import ROOT

pytestmark = pytest.mark.e2e

STEM = f"syncd-{syncd.__version__}"
SHIPPED = [
    *("config.yaml", "schema.json", "seed.yaml"),
    *(str(path.relative_to(ROOT)) for name in ("docs", "templates") for path in (ROOT / name).rglob("*.*")),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist of this checkout, built offline by the locked hatchling."""
    folder = tmp_path_factory.mktemp("dist")
    build(ROOT, folder)
    return folder


def build(checkout: Path, into: Path, *more: str) -> None:
    """Build wheel and sdist, or what `more` says."""
    argv = [sys.executable, "-m", "hatchling", "build", "-d", str(into), *more]
    subprocess.run(argv, cwd=checkout, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a fresh environment with the wheel; it sees the locked packages, and not the checkout."""
    home = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True, timeout=60)
    (packages,) = home.glob("lib/python*/site-packages")
    # As a plain folder: the .pth files in it, and by them the checkout, do not count.
    (packages / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install", "--quiet"]
    offline = ["--disable-pip-version-check", "--no-index", "--no-deps", "--ignore-installed"]
    subprocess.run([*pip, *offline, str(next(built.glob("*.whl")))], check=True, timeout=60)
    return home / "bin"


def ran(programs: Path, folder: Path, *words: str, **env: str) -> str:
    """Run the installed syncd in a folder; it must succeed. Return what it says."""
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder), "LANG": "C.UTF-8", **env}
    done = subprocess.run(
        ["syncd", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel(built: Path) -> None:
    """It holds every module and everything that is shipped, and its version is the package's."""
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
        metadata = email.message_from_bytes(wheel.read(f"{STEM}.dist-info/METADATA"))
    ours = [path for path in (ROOT / "syncd").rglob("*.*") if path.suffix in (".py", ".html", ".css", ".js", ".svg")]
    wanted = {str(path.relative_to(ROOT)) for path in ours} | {f"syncd/shipped/{name}" for name in SHIPPED}
    assert wanted <= names
    assert {name.split("/")[0] for name in names} == {"syncd", f"{STEM}.dist-info"}
    assert metadata["Version"] == syncd.__version__
    assert any(one.startswith("aiodocker") and "docker" in one for one in metadata.get_all("Requires-Dist"))


def test_links_of_the_docs_lead_somewhere(built: Path) -> None:
    """What the docs link to below deploy/ is shipped beside them; the token of a trial is not."""
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    linked = {
        os.path.normpath(f"syncd/shipped/{page.parent.relative_to(ROOT)}/{link}")
        for page in (ROOT / "docs").rglob("*.md")
        for link in re.findall(r"\]\(([^)#]*deploy/[^)#]*)", page.read_text())
        if link.endswith((".sh", ".yaml", ".yml", ".hcl", ".json", ".md"))
    }
    assert len(linked) > 9
    assert linked <= names
    assert "syncd/shipped/deploy/compose/secrets/consul_token" not in names


def test_the_sdist(built: Path, tmp_path: Path) -> None:
    """It holds what the wheel is made of, makes the same wheel, and nothing that only happens to lie in a checkout."""
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.removeprefix(f"{STEM}/") for name in archive.getnames()}
        archive.extractall(tmp_path, filter="data")
    assert {*SHIPPED, "README.md", "LICENSE", "CHANGELOG.md", "requirements.lock"} <= names
    assert not [name for name in names if name.startswith((".cache", "out/", "tests/"))]
    assert [name for name in names if "/secrets/" in name] == ["deploy/compose/secrets/consul_token.example"]
    build(tmp_path / STEM, tmp_path / "again", "-t", "wheel")
    again, first = next((tmp_path / "again").glob("*.whl")), next(built.glob("*.whl"))
    assert again.read_bytes() == first.read_bytes()


def test_it_works_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    """`syncd demo` lays the shipped files out and runs on them; then check and plan do, as in a checkout."""
    assert ran(installed, tmp_path, "--version") == f"syncd {syncd.__version__}\n"
    said = ran(installed, tmp_path, "demo", "--once", NGINX="true")
    assert "laid out here: config.yaml, schema.json, seed.yaml, templates" in said
    assert "Targets: 6 applied." in said
    account = {"CF_ACCOUNT_ID": "a", "CF_KV_NAMESPACE_ID": "n", "CLOUDFLARE_API_TOKEN": "t", "NGINX": "true"}
    said = ran(installed, tmp_path, "check", "--source", "seed.yaml", **account)
    assert said.startswith("ok: config and templates have no fault")
    code = "import syncd; print(syncd.__file__)"
    where = subprocess.run([installed / "python", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert where.stdout.startswith(str(installed.parent))


def test_it_lays_out_nothing_beside_other_files(installed: Path, tmp_path: Path) -> None:
    """A folder that holds something is left as it is."""
    (tmp_path / "mine").touch()
    done = subprocess.run([installed / "syncd", "demo"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, [path.name for path in tmp_path.iterdir()]) == (78, ["mine"])
    assert "run it in an empty folder" in done.stderr
