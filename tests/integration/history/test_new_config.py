"""What a changed config makes of what is kept and owed: new sensitive keys, renamed reloads, moved targets."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from syncd.config.load import load
from syncd.engine.applying import Conditions, apply_pass
from syncd.engine.deadline import Deadline
from syncd.engine.once import planned
from syncd.engine.remembering import open_journal
from syncd.engine.setup import build
from syncd.engine.sources import open_source
from syncd.targets.registry import configs
from tests.support.cli import Ran, syncd_cli
from tests.support.stack import Stack

Change = Callable[..., None]


class Place:
    """A config with one file that reads `config/pin`, and a seed for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config: dict[str, Any] = {
            "version": 1,
            "owner": "me",
            "targets": {"app": {"kind": "env_file", "path": "out/app", "vars": {"PIN": "config/pin"}}},
        }
        self.pin("planted-s3cret")

    def pin(self, value: str) -> None:
        """Give the key another value."""
        (self.folder / "seed.yaml").write_text(f"kv: {{config/pin: '{value}'}}\n")

    def syncd(self, *args: str) -> Ran:
        """Run syncd on the config as it is now."""
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.config))
        return syncd_cli(*args, cwd=self.folder)

    def once(self) -> Ran:
        """Run a pass on the seed."""
        return self.syncd("once", "--source", "seed.yaml")

    def asked(self, query: str) -> list[Any]:
        """Return what the journal says."""
        return sqlite3.connect(self.folder / ".syncd/journal.db").execute(query).fetchall()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place of this test's own."""
    return Place(tmp_path)


def test_a_key_that_becomes_sensitive_leaves_the_history(place: Place) -> None:
    """Also of a target that is paused: not shown, not put back, and gone from the disk with the next pass."""
    for value in ("planted-s3cret", "second"):
        place.pin(value)
        assert place.once().rc == 0
    entries = json.loads(place.syncd("history", "--format", "json").stdout)["entries"]
    first = str(entries[-1]["id"])
    assert "planted-s3cret" in place.syncd("show", first).stdout
    assert place.syncd("pause", "app").rc == 0
    place.config["sensitive"] = ["config/pin"]
    ran = place.syncd("show", first)
    assert (ran.rc, "planted-s3cret" in ran.stdout) == (0, False)
    assert place.syncd("history").stdout.count("no content is kept") > 0
    assert place.syncd("rollback", "app", "--to", first).rc == 3
    assert place.once().rc == 3
    stored = b"".join(path.read_bytes() for path in (place.folder / ".syncd").rglob("*") if path.is_file())
    assert b"planted-s3cret" not in stored


@pytest.mark.parametrize("probe", [False, True])
def test_a_renamed_reload_is_owed_still(place: Place, probe: bool) -> None:
    """What the old name owes the group does that has its file now; nothing is left of the old one's proof."""
    place.config["targets"]["app"]["reload"] = "old"
    place.config["reloads"] = {"old": {"run": ["true"]}}
    assert place.once().rc == 0
    place.pin("second")
    place.config["reloads"] = {"old": {"run": ["false"], **({"probe": {"tcp": "127.0.0.1:9"}} if probe else {})}}
    assert place.once().rc == 1
    place.config["targets"]["app"]["reload"] = "new"
    place.config["reloads"] = {"new": {"run": ["touch", "loaded"]}}
    ran = place.once()
    assert ran.rc == 0, ran.stderr
    assert (place.folder / "loaded").exists()
    assert [place.asked(f"SELECT * FROM {name}") for name in ("owed", "unproved")] == [[], []]
    assert [path.name for path in (place.folder / "out").iterdir()] == ["app"]


@pytest.mark.parametrize("number", ["9223372036854775808", "-1"])
def test_numbers_that_no_entry_has_are_a_usage_error(place: Place, number: str) -> None:
    """As any other that the history does not have."""
    assert place.once().rc == 0
    assert place.syncd("show", "--", number).rc == 64
    assert place.syncd("rollback", "app", f"--to={number}").rc == 64


async def test_what_was_not_undone_is_before_a_new_transaction(place: Place) -> None:
    """Its target has joined a group since: it is undone under its old name, not at the next start over what is new."""
    assert place.once().rc == 0
    place.pin("second")
    place.config["targets"]["app"]["reload"] = "new"
    place.config["reloads"] = {"new": {"run": ["true"]}}
    (place.folder / "config.yaml").write_text(yaml.safe_dump(place.config))
    setup = build(load(place.folder / "config.yaml", configs(), {}), {})
    output, backup = place.folder / "out/app", place.folder / "out/.app.syncd-old-0badcafe-1"
    output.rename(backup)
    output.write_text("never checked\n")
    journal = open_journal(setup)
    step = {"path": str(output), "temporary": f"{output}.t", "backup": str(backup), "digest": ""}
    journal.begin("target:app", [step])
    deadline = Deadline(30)
    found = await planned(setup, open_source(setup, place.folder / "seed.yaml", deadline), journal, [], deadline, None)
    result = await apply_pass(setup, journal, found, Conditions(deadline))
    assert [one.outcome for one in result.targets] == ["applied"]
    assert journal.intents() == {}
    assert "second" in output.read_text()


def test_a_rollback_deletes_only_what_was_created_since(stack: Stack) -> None:
    """A pair that was there at that entry, though the history did not know it then, is not deleted."""
    assert stack.syncd("once")[0] == 0
    (stack.folder / ".syncd/journal.db").unlink()
    stack.delete("config/domains/web")
    stack.config["targets"]["edge"]["policy"] = "upsert-only"
    assert stack.syncd("once")[0] == 0
    first = stack.json("history", "--target", "edge")[1]["entries"][0]
    stack.put(config__domains__web="https://second.example.com", config__domains__more="https://more.example.com")
    assert stack.syncd("once")[0] == 0
    stack.config["targets"]["edge"]["policy"] = "sync"
    code, out, err = stack.syncd("rollback", "edge", "--to", str(first["id"]))
    assert (code, "1 deleted" in out) == (0, True), out + err
    assert stack.kv.get("config/domains/more") is None
    assert stack.kv.get("config/domains/web") == b"https://second.example.com"
