"""Debian packages unpacked into a folder, without installing anything and without root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

APT_FOLDER = Path("/etc/apt")


class SetupError(Exception):
    """A server cannot be had here: says what is missing and what to do."""


@dataclass(frozen=True)
class DebianSource:
    """Where this machine gets Debian from: `uri`, and the keyring that signs it (None = apt's own)."""

    uri: str
    signed_by: str | None


def run(argv: list[str], *, cwd: Path | None = None, env: dict[str, str] | None = None, timeout_s: float = 240) -> str:
    """Run `argv`, return its stdout; a failure is a SetupError with the last lines of what it said."""
    try:
        done = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout_s, check=False)
    except FileNotFoundError:
        raise SetupError(f"{argv[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise SetupError(f"{argv[0]} {argv[1]}: no end after {timeout_s:g} s") from None
    if done.returncode:
        said = " | ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
        raise SetupError(f"{' '.join(argv[:2])} ended with {done.returncode}: {said}")
    return done.stdout


def codename() -> str:
    """Return this machine's Debian code name ("bookworm"), from /etc/os-release."""
    fields = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    name = fields.get("VERSION_CODENAME", "").strip('"')
    if not name:
        raise SetupError("/etc/os-release names no VERSION_CODENAME: not a Debian machine")
    return name


def machine_source() -> DebianSource:
    """Return the Debian archive that this machine's own apt uses (not its security archive)."""
    wanted = codename()
    for source, suites in _one_line_sources():
        if wanted in suites:
            return source
    for source, suites in _deb822_sources():
        if wanted in suites:
            return source
    raise SetupError(f"no apt source for {wanted} found under {APT_FOLDER}")


def _one_line_sources() -> Iterator[tuple[DebianSource, list[str]]]:
    for file in [APT_FOLDER / "sources.list", *sorted(APT_FOLDER.glob("sources.list.d/*.list"))]:
        for line in file.read_text().splitlines() if file.is_file() else []:
            words = line.partition("#")[0].replace("[", "[ ").replace("]", " ]").split()
            if not words or words[0] != "deb":
                continue
            options: list[str] = []
            if words[1] == "[":
                end = words.index("]")
                options, words = words[2:end], ["deb", *words[end + 1 :]]
            signed = next((o.partition("=")[2] for o in options if o.startswith("signed-by=")), None)
            if len(words) > 3 and "main" in words[3:]:
                yield DebianSource(words[1], signed), [words[2]]


def _deb822_sources() -> Iterator[tuple[DebianSource, list[str]]]:
    for file in sorted(APT_FOLDER.glob("sources.list.d/*.sources")):
        for stanza in file.read_text().split("\n\n"):
            lines = [line for line in stanza.splitlines() if ":" in line and not line.startswith(("#", " "))]
            fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            if "deb" in fields.get("types", "").split() and "main" in fields.get("components", "").split():
                signed = fields.get("signed-by", "")
                keyring = signed if signed.startswith("/") else None
                yield DebianSource(fields["uris"].split()[0], keyring), fields.get("suites", "").split()


def unpack(suite: str, packages: list[str], into: Path) -> None:
    """Download `packages` of Debian `suite` and unpack them below `into`, which appears whole or not at all."""
    source = machine_source()
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.parent, prefix=".apt-") as folder:
        work = Path(folder)
        work.chmod(0o755)  # root's apt reads as the user _apt
        apt = ["apt-get", "-qq", *_private_options(work, source, suite)]
        run([*apt, "update"])
        run([*apt, "download", *packages], cwd=work)
        for package in work.glob("*.deb"):
            run(["dpkg-deb", "-x", str(package), str(work / "root")])
        shutil.rmtree(into, ignore_errors=True)
        (work / "root").rename(into)


def _private_options(work: Path, source: DebianSource, suite: str) -> list[str]:
    for part in ("lists/partial", "cache/archives/partial", "state", "root"):
        (work / part).mkdir(parents=True)
    (work / "status").touch()
    options = f"[signed-by={source.signed_by}] " if source.signed_by else ""
    (work / "sources.list").write_text(f"deb {options}{source.uri} {suite} main\n")
    settings = {
        "Dir::Etc::sourcelist": work / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State": work / "state",
        "Dir::State::lists": work / "lists",
        "Dir::State::status": work / "status",
        "Dir::Cache": work / "cache",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
