"""What a plan shows of files and pairs that are not ours, were secret once, or must not leave."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.faults.security.spilled import spilled
from tests.support.cli import Ran, syncd_cli
from tests.support.stack import Stack, stack

__all__ = ["stack"]
SECRET = "pl4nt-by-hand"
FORMS = ("json",)


class Small:
    """A config with one template and one env file, on a seed."""

    def __init__(self, folder: Path, **target: Any) -> None:
        self.folder = folder
        self.config: dict[str, Any] = {
            "version": 1,
            "owner": "me",
            "targets": {
                "file": {"kind": "template", "template": "t.j2", "path": "out/f", **target},
                "env": {"kind": "env_file", "path": "out/e", "vars": {"A": "a"}, **target},
            },
        }
        (folder / "out").mkdir()
        self.template("{{ key('a') }}\n")
        self.seed("kv: {a: new, secrets/s: pl4nt-by-hand}\n")

    def template(self, text: str) -> None:
        """Write the template."""
        (self.folder / "t.j2").write_text(text)

    def seed(self, text: str) -> None:
        """Write the seed."""
        (self.folder / "seed.yaml").write_text(text)

    def run(self, *args: str) -> Ran:
        """Run a command."""
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.config))
        return syncd_cli(*args, "--source", "seed.yaml", cwd=self.folder)

    def shows(self) -> list[str]:
        """Return where the planted secret stands in plans and what `check` says."""
        said = {form: "".join(map(str, self.run("plan", "--format", form))).encode() for form in FORMS}
        said["check"] = "".join(map(str, self.run("check"))).encode()
        return spilled({"planted": SECRET}, said)


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """Two files by hand that syncd is told to take over."""
    one = Small(tmp_path, adopt=True)
    for name in ("f", "e"):
        (tmp_path / "out" / name).write_text(f"PASSWORD={SECRET}\nA=new\n")
    return one


@pytest.mark.e2e
def test_an_adopted_file_is_not_shown(small: Small) -> None:
    """What somebody wrote by hand may hold anything; a plan goes into a pull request. How much it is, is said."""
    assert small.shows() == []
    document = json.loads(small.run("plan", "--format", "json").stdout)
    note = next(one for one in document["targets"] if one["target"] == "file")["changes"][0]["note"]
    assert "2 lines that are not shown" in note
    assert small.run("once").rc == 0
    assert (small.folder / "out/f").read_text() == "new\n"
    assert small.shows() == []


@pytest.mark.e2e
def test_a_file_that_was_sensitive_once(small: Small) -> None:
    """Its old content stays hidden when the template reads no secret any more; it is 0644 only then."""
    small.template("{{ key('secrets/s') }} {{ key('a') }}\n")
    assert small.run("once").rc == 0
    path = small.folder / "out/f"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for by_hand in ("", f"and {SECRET}\n"):
        path.write_text(path.read_text() + by_hand)
        small.template("{{ key('a') }}\n")
        assert small.shows() == []
    assert small.run("once").rc == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.e2e
def test_faults_of_the_config_show_no_secret(small: Small) -> None:
    """Credentials in a URL, tokens of a wrong type, a pointer into a secret that leads nowhere."""
    small.config["consul"] = {"address": f"http://user:{SECRET}@consul:8500", "token": [SECRET]}
    small.config["reloads"] = {"r": {"http": {"url": f"http://user:{SECRET}@x/", "headers": {"A": {SECRET: 1}}}}}
    assert small.run("check", "--offline").rc == 78
    assert small.shows() == []
    del small.config["consul"], small.config["reloads"]
    small.config["targets"]["env"]["vars"] = {"A": "secrets/s#/x", "B": {"key": "secrets/s", "format": "csv"}}
    small.config["targets"]["env"]["dialect"] = "docker"
    assert small.run("plan").rc == 1
    assert small.shows() == []


@pytest.mark.e2e
@pytest.mark.parametrize(
    "keys", [["secrets/db"], *(pytest.param([one], marks=pytest.mark.e2e) for one in ("secrets/**", "**", "*/db"))]
)
def test_the_edge_gets_no_sensitive_value(stack: Stack, keys: list[str]) -> None:
    """By name, by globs and from the overlay, which replaces a key and is sensitive like it."""
    stack.config["environment"] = "production"
    stack.put(env__production__secrets__db="pl4nt-overlay", env__production__config__x="fine", config__x="old")
    stack.config["targets"]["edge"]["keys"] = keys
    code, document = stack.json("once", "--target", "edge")
    assert code == 1
    assert "allow_sensitive" in str(stack.target(document, "edge")["faults"])
    assert not any("secret" in key for key in stack.kv.list())
    assert "pl4nt" not in json.dumps(document)
    if keys == ["secrets/db"]:
        stack.config["targets"]["edge"]["allow_sensitive"] = True
        code, document = stack.json("once", "--target", "edge")
        assert code == 0
        assert stack.kv.get("secrets/db") == b"pl4nt-overlay"
        assert "pl4nt" not in json.dumps(document)
        journal = stack.folder / ".syncd/journal.db"
        assert spilled({"overlay": "pl4nt-overlay"}, {"journal": journal.read_bytes()}) == []
