"""The shipped files in a folder that has none: what `syncd demo` does where there is no checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.core.errors import Refused
from syncd.dev import shipped
from tests.integration.demo.kit import ROOT
from tests.support.cli import syncd_cli


def test_an_empty_folder_gets_them_once(tmp_path: Path) -> None:
    """As they are in the checkout; what was edited since is not overwritten."""
    assert shipped.lay_out(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(shipped.NAMES)
    for name in ("config.yaml", "templates/nginx/check.sh"):
        assert (tmp_path / name).read_bytes() == (ROOT / name).read_bytes()
    (tmp_path / "config.yaml").write_text("mine\n")
    assert not shipped.lay_out(tmp_path)
    assert (tmp_path / "config.yaml").read_text() == "mine\n"


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    """What cannot be done there is said."""
    with pytest.raises(Refused, match="a folder that you may write to"):
        shipped.lay_out(tmp_path / "nowhere")


def test_a_named_config_lays_out_nothing(tmp_path: Path) -> None:
    """Whoever names a config file wants that one."""
    refused = syncd_cli("demo", "--once", "-c", "other/config.yaml", cwd=tmp_path)
    assert (refused.rc, list(tmp_path.iterdir())) == (78, [])
