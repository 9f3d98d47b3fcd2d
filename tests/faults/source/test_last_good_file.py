"""The file of the last known good: complete, without secrets, and never a reason to fail."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from syncd.core.model import Instance, Item, Need
from syncd.core.snapshot import HiddenKey, Rules, Snapshot, View
from syncd.engine.daemon import last_good
from syncd.engine.daemon.last_good import Identity, LastGood
from tests.faults.source.kit import AREA
from tests.faults.support.report import record

IDENTITY = Identity("owner", "blog/", "production", None)
RULES = Rules("production")
WEB = Instance("web-1", "web", "10.0.0.1", 80, ("blue",), {"zone": "a"}, "passing", "n1")
SNAPSHOT = Snapshot(
    items={
        "a/b": Item("a/b", b"\xff\x00 not text", 7, "env/production"),
        "a/c": Item("a/c", b"", 8),
        "secrets/db": Item("secrets/db", b"planted", 9, "", True),
    },
    services={"web": (WEB,)},
    catalog={"web": ("blue",)},
    covers=frozenset([Need("folder", "a/"), Need("key", "secrets/db"), Need("service", "web"), Need("catalog")]),
    hidden=frozenset(["x"]),
    denied=frozenset(["y/"]),
    partial=True,
    layer="env/production",
    index=12,
)


@pytest.fixture
def kept(tmp_path: Path) -> LastGood:
    """A saved one."""
    one = LastGood(tmp_path, IDENTITY, RULES)
    assert one.save(SNAPSHOT)
    return one


def test_it_comes_back_without_secrets(kept: LastGood) -> None:
    """Everything but sensitive values; reading one of those, alone or in a glob, says that it is not kept."""
    found = kept.load()
    assert found is not None
    snapshot = found.snapshot
    assert b"planted" not in kept.path.read_bytes()
    assert (snapshot.withheld, snapshot.behind) == ({"secrets/db"}, False)
    assert list(snapshot.items) == ["a/b", "a/c"]
    assert snapshot.items["a/b"] == SNAPSHOT.items["a/b"]
    for name in ("services", "catalog", "covers", "hidden", "denied", "partial", "layer", "index"):
        assert getattr(snapshot, name) == getattr(SNAPSHOT, name), name
    with pytest.raises(HiddenKey):
        View(snapshot).item("secrets/db")
    view = View(Snapshot(covers=frozenset([Need("folder", "")]), withheld=frozenset(["secrets/db"])))
    with pytest.raises(HiddenKey) as caught:
        view.glob("**")
    assert "does not keep sensitive values" in caught.value.why
    assert view.glob("config/**") == {}


def test_what_became_sensitive_is_withheld(kept: LastGood, tmp_path: Path) -> None:
    """The rules of now count, not those of when it was saved."""
    found = LastGood(tmp_path, IDENTITY, Rules("production", ("a/**",))).load()
    assert found is not None
    assert (dict(found.snapshot.items), found.snapshot.withheld) == ({}, {"a/b", "a/c", "secrets/db"})


def test_it_is_marked_until_it_is_saved(kept: LastGood, tmp_path: Path) -> None:
    """The marker outlives the process."""
    kept.mark_behind()
    kept.mark_behind()
    found = LastGood(tmp_path, IDENTITY, RULES).load()
    assert found is not None
    assert found.snapshot.behind
    kept.unmark()
    again = kept.load()
    assert again is not None
    assert not again.snapshot.behind


@pytest.mark.parametrize("field", ["owner", "prefix", "environment", "datacenter"])
def test_another_identity_is_ignored(kept: LastGood, tmp_path: Path, field: str) -> None:
    """It stays where it is, and the log says what differs."""
    other = Identity(**{**{name: getattr(IDENTITY, name) for name in Identity.__struct_fields__}, field: "other"})
    with capture_logs() as logs:
        assert LastGood(tmp_path, other, RULES).load() is None
    assert field in logs[0]["error"]
    assert kept.load() is not None


def _broken() -> dict[str, bytes]:
    with_format = last_good.FORMAT + 1
    return {
        "empty": b"",
        "another file": b"SQLite format 3\x00" + bytes(100),
        "a title alone": b"syncd last known good 1 00\n",
        "newer": b"syncd last known good %d %s\nwhatever" % (with_format, b"0" * 64),
    }


@pytest.mark.parametrize("name", _broken())
def test_a_strange_file_is_set_aside(kept: LastGood, name: str) -> None:
    """Said in the log, and out of the way."""
    kept.path.write_bytes(_broken()[name])
    with capture_logs() as logs:
        assert kept.load() is None
    assert logs[0]["event"] == "last_good_unusable"
    assert (name == "newer") == ("format 2, this one knows 1" in logs[0]["error"])
    assert kept.path.with_suffix(".aside").read_bytes() == _broken()[name]
    assert kept.load() is None


def test_damage_anywhere_is_noticed(kept: LastGood) -> None:
    """Cut at any length, or one bit changed anywhere, it is set aside and never believed."""
    whole = kept.path.read_bytes()
    broken = [whole[:size] for size in range(len(whole))]
    broken += [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(len(whole))]
    with capture_logs():
        for content in broken:
            kept.path.write_bytes(content)
            assert kept.load() is None, content
    with capture_logs():
        believed = [content for content in broken if _believed(kept, content)]
    assert believed, "without the checksum some of it should be taken for the truth"
    record(
        "a damaged last known good",
        area=AREA,
        injected="cut or changed at every byte",
        times=len(broken),
        red_without=f"the checksum ({len(believed)} of them would be believed)",
    )


def _believed(kept: LastGood, content: bytes) -> bool:
    """Return whether the file would be used if its checksum did not tell."""
    _, _, body = content.partition(b"\n")
    kept.path.write_bytes(
        b"syncd last known good %d %s\n" % (last_good.FORMAT, sha256(body).hexdigest().encode()) + body
    )
    try:
        return kept.load() is not None
    except Exception:
        return False


def test_too_much_is_not_kept(kept: LastGood, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is what cannot be written; the last one stays, nothing is left behind, and the log says so."""
    monkeypatch.setattr(last_good, "MAX_BYTES", 10)
    with capture_logs() as logs:
        assert not kept.save(SNAPSHOT)
    assert "larger" in logs[0]["error"]
    assert kept.load() is not None
    assert list(kept.path.parent.iterdir()) == [kept.path]
    monkeypatch.undo()
    with capture_logs() as logs:
        assert not LastGood(kept.path / "no-folder", IDENTITY, RULES).save(SNAPSHOT)
    assert logs[0]["event"] == "last_good_not_kept"
