"""The state dir of a config file that cannot be loaded."""

from pathlib import Path

import pytest

from syncd.config.salvage import state_dir


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("version: 1\nstate_dir: here\ntargets: [\n", "here"),
        ('state_dir: "${HOME_OF}/here"  # ours\n\tbroken', "there/here"),
        ("version: 7\nstate_dir: here\n", "here"),
        ('{"nonsense": 1, "state_dir": "here"}', "here"),
        ("state_dir: /var/lib/syncd\ntargets: {", "/var/lib/syncd"),
        ("targets:\n  state_dir: [", ".syncd"),
        ("state_dir: ${UNSET}\nx: [", ".syncd"),
        ("state_dir: [a]\n", ".syncd"),
        ("", ".syncd"),
    ],
)
def test_what_it_names(tmp_path: Path, text: str, named: str) -> None:
    """As far as its own line can be read; else the default."""
    (tmp_path / "config.yaml").write_text(text)
    assert state_dir(tmp_path / "config.yaml", {"HOME_OF": "there"}) == tmp_path / named


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    """The default, beside where it was."""
    assert state_dir(tmp_path / "config.yaml", {}) == tmp_path / ".syncd"
