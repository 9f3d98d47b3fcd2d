"""The real kinds of targets: found by name, imported when asked for, brought by other packages too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
import yaml
from jsonschema import Draft202012Validator

from syncd.config.load import load
from syncd.config.schema import schema
from syncd.core.errors import ConfigError
from syncd.targets.base import BrokenKind, TargetKind
from syncd.targets.registry import configs, kinds
from tests.unit.config.kinds import write

ROOT = Path(__file__).resolve().parents[3]
ENVIRON = {"CF_ACCOUNT_ID": "a", "CF_KV_NAMESPACE_ID": "n", "CLOUDFLARE_API_TOKEN": "t"}


def test_built_in_kinds() -> None:
    """The three of contract.md §2, each with its model."""
    assert {"cloudflare_kv", "env_file", "template"} <= set(kinds())
    assert len(kinds()) == len(configs()) >= 3
    for name in ("cloudflare_kv", "env_file", "template"):
        assert isinstance(kinds()[name], TargetKind)
        assert configs()[name] is kinds()[name].config
    with pytest.raises(KeyError):
        kinds()["none"]
    assert "none" not in kinds()


def test_a_kind_is_imported_when_asked_for(tmp_path: Path) -> None:
    """A config with an env_file imports neither the other kinds nor the Cloudflare SDK; nor does one with all."""
    path = write(tmp_path, "version: 1\nowner: me\ntargets: {a: {kind: env_file, path: x}}")
    code = f"""
        import sys
        from syncd.config.load import load
        from syncd.targets.registry import configs
        load({str(path)!r}, configs(), {{}})
        print([name for name in sys.modules if name.startswith(("cloudflare", "syncd.targets.cloudflare"))])
        configs()["cloudflare_kv"]
        print("cloudflare" in sys.modules)
    """
    ran = subprocess.run([sys.executable, "-c", dedent(code)], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout.splitlines() == ["[]", "False"]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package that brings a good kind and three that cannot be used."""
    info = tmp_path / "site" / "syncd_more-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: syncd-more\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[syncd.targets]\nmore = syncd_more:KIND\nraises = syncd_more.broken:KIND\nnothing = syncd_more:NOTHING\n"
        "gone = syncd_gone:KIND\n"
    )
    code = tmp_path / "site" / "syncd_more"
    code.mkdir()
    (code / "__init__.py").write_text(
        "from syncd.targets.base import FileTargetConfig, TargetKind\nKIND = TargetKind(FileTargetConfig, None)\n"
        "NOTHING = 5\n"
    )
    (code / "broken.py").write_text("raise RuntimeError('out of order')\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))


@pytest.mark.usefixtures("package")
def test_a_kind_of_another_package(tmp_path: Path) -> None:
    """It is one more kind, in the config and in the schema."""
    path = write(tmp_path, "version: 1\nowner: me\ntargets: {a: {kind: more, path: x}}")
    assert load(path, configs(), {}).config.targets["a"].kind == "more"
    assert {"more", "env_file"} <= set(configs())


@pytest.mark.usefixtures("package")
def test_a_kind_that_is_broken(tmp_path: Path) -> None:
    """It is a fault of the target that uses it, with the reason."""
    for name, why in (
        ("raises", "RuntimeError: out of order"),
        ("gone", "No module named"),
        ("nothing", "no TargetKind"),
    ):
        path = write(tmp_path, f"version: 1\nowner: me\ntargets: {{a: {{kind: {name}}}, b: {{kind: fiel}}}}")
        with pytest.raises(ConfigError) as caught:
            load(path, configs(), {})
        first, second = caught.value.faults
        assert first.message.startswith(f"'{name}' cannot be used: the entry point syncd_")
        assert why in first.message
        assert second.message.startswith("'fiel' is not a kind of target; ")
        with pytest.raises(BrokenKind):
            kinds()[name]


def test_three_faults_of_each_sort(tmp_path: Path) -> None:
    """Six lines from the real kinds: three of fields, three between fields."""
    content = """\
        version: 1
        owner: me
        consul: {wait: 30}
        reloads: {nginx: {check: [nginx, -t]}}
        targets:
          edge: {kind: cloudflare_kv, account_id: a, namespace_id: 123, api_token: t, keys: [a], policy: snyc}
          more: {kind: cloudflare_kv, account_id: a, namespace_id: "123", api_token: t, keys: [a], key_prefix: x/}
          env: {kind: env_file, path: out/a.env, mode: 0600, reload: ngnix}
          page: {kind: template, template: page.j2, path: out/page}
        """
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, content), configs(), {})
    assert [(fault.line, fault.path) for fault in caught.value.faults] == [
        (3, "consul.wait"),
        (6, "targets.edge.policy"),
        (7, "targets.more.key_prefix"),
        (8, "targets.env.mode"),
        (8, "targets.env.reload"),
        (9, "targets.page.template"),
    ]


def test_shipped_config() -> None:
    """config.yaml loads without a warning, offline too, and its schema agrees."""
    path = ROOT / "config.yaml"
    assert load(path, configs(), ENVIRON).warnings == ()
    unset = load(path, configs(), {}, offline=True)
    assert {one.path.split(".")[0] for one in unset.warnings} == {"targets"}
    validator = Draft202012Validator(schema(configs()))
    assert [error.message for error in validator.iter_errors(yaml.safe_load(path.read_text()))] == []
