"""The store of template files: what is loaded, and which files changed."""

from __future__ import annotations

from pathlib import Path

from syncd.engine.templates import TemplateStore


def test_a_change_is_loaded_and_told_once(tmp_path: Path) -> None:
    """Even where it was loaded again before anybody asked: another target may still hold the old text."""
    store = TemplateStore(tmp_path)
    (tmp_path / "a").write_text("one")
    assert (store.load("a"), store.changed()) == ("one", set())
    (tmp_path / "b").write_text("two!")
    (tmp_path / "b").rename(tmp_path / "a")
    assert store.load("a") == "two!"
    assert (store.changed(), store.changed()) == ({"a"}, set())


def test_coming_and_going(tmp_path: Path) -> None:
    """A file that was missed and comes is told, one that goes, and one behind a link that is turned."""
    store = TemplateStore(tmp_path)
    assert (store.load("late"), store.load("data/t"), store.changed()) == (None, None, set())
    (tmp_path / "late").write_text("x")
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1/t").write_text("1")
    (tmp_path / "data").symlink_to("v1")
    assert store.changed() == {"late", "data/t"}
    (tmp_path / "v2").mkdir()
    (tmp_path / "v2/t").write_text("2")
    (tmp_path / "turned").symlink_to("v2")
    (tmp_path / "turned").replace(tmp_path / "data")
    (tmp_path / "late").unlink()
    assert store.changed() == {"late", "data/t"}
    assert (store.load("late"), store.load("data/t")) == (None, "2")


def test_what_is_no_text(tmp_path: Path) -> None:
    """Counts as absent."""
    (tmp_path / "a").write_bytes(b"\xff")
    assert TemplateStore(tmp_path).load("a") is None
