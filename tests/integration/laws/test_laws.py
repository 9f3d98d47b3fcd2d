"""The laws that every kind of target keeps, by the real pipeline: config, source, plan, apply, journal."""

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncd.config.load import load
from syncd.core.report.model import PassResult
from syncd.engine import once as engine
from syncd.engine.applying import Conditions
from syncd.engine.deadline import Deadline
from syncd.engine.setup import build
from syncd.sources.export import ExportSource
from syncd.targets.registry import BUILT_IN, configs
from tests.support.kv_server import WorkersKV

Keys = dict[str, str]
_ENV: Mapping[str, str] = {}


@dataclass
class Kind:
    """One kind under test: its target's configuration, what it holds now, and how somebody else writes to it."""

    target: dict[str, Any]
    held: Callable[[], dict[str, bytes]]
    write_foreign: Callable[[], Callable[[], bool]]
    """Writes something of another's into the target; what it gives says whether that is untouched."""


def _file_kind(folder: Path, target: dict[str, Any]) -> Kind:
    path = folder / "out"

    def foreign() -> Callable[[], bool]:
        path.mkdir(exist_ok=True)
        (path / "file").write_bytes(b"somebody else's\n")
        return lambda: (path / "file").read_bytes() == b"somebody else's\n"

    return Kind(
        {"path": "out/file", **target},
        lambda: {one.name: one.read_bytes() for one in sorted(path.iterdir())} if path.exists() else {},
        foreign,
    )


def _kv_kind(namespace: WorkersKV) -> Kind:
    target = {
        "account_id": namespace.account,
        "namespace_id": namespace.namespace,
        "api_token": namespace.token,
        "base_url": namespace.base_url,
        "keys": ["k/**"],
    }

    def foreign() -> Callable[[], bool]:
        theirs = {"o": "somebody", "h": "0" * 32, "mi": 1}
        namespace.put("k/a", "theirs", theirs)
        return lambda: (namespace.get("k/a"), namespace.metadata("k/a")) == (b"theirs", theirs)

    return Kind(target, lambda: {key: namespace.get(key) or b"" for key in namespace.list("")}, foreign)


@pytest.fixture(params=sorted(BUILT_IN))
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    """Every built-in kind; a new one fails here until it has its line."""
    name = request.param
    if name == "cloudflare_kv":
        made = _kv_kind(request.getfixturevalue("kv_namespace"))
    elif name == "env_file":
        made = _file_kind(tmp_path, {"include": [{"keys": "k/*", "prefix": "K_"}]})
    else:
        (tmp_path / "t.j2").write_text("{% for name, value in tree('k').items() %}{{ name }}={{ value }}\n{% endfor %}")
        made = _file_kind(tmp_path, {"template": "t.j2"})
    made.target = {"kind": name, **made.target}
    return made


def _run(folder: Path, kind: Kind, keys: Keys, *, dry: bool = False) -> PassResult:
    config = {
        "version": 1,
        "owner": "laws",
        "limits": {"allow_empty": True, "max_delete_percent": 100, "max_update_percent": 100},
        "targets": {"t": kind.target},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    pairs = [
        {"key": key, "flags": 0, "value": base64.b64encode(value.encode()).decode()} for key, value in keys.items()
    ]
    (folder / "export.json").write_text(json.dumps(pairs))
    return asyncio.run(_pass(folder, dry))


async def _pass(folder: Path, dry: bool) -> PassResult:
    setup = build(load(folder / "config.yaml", configs(), _ENV), _ENV)
    source = ExportSource(folder / "export.json", "", setup.rules)
    try:
        if dry:
            return (await engine.plan(setup, source, selected=[], deadline=Deadline(60), env=_ENV))[0]
        return await engine.once(setup, source, selected=[], conditions=Conditions(Deadline(60)), env=_ENV)
    finally:
        await setup.close()


_TWO = {"k/a": "1", "k/b": "2"}


def test_applied_is_in_sync(tmp_path: Path, kind: Kind) -> None:
    """read → plan → apply → read gives an empty plan."""
    assert _run(tmp_path, kind, _TWO).exit_code == 0
    assert _run(tmp_path, kind, _TWO, dry=True).in_sync


def test_applying_twice_is_harmless(tmp_path: Path, kind: Kind) -> None:
    """The second pass changes nothing."""
    _run(tmp_path, kind, _TWO)
    before = kind.held()
    assert [one.outcome for one in _run(tmp_path, kind, _TWO).targets] == ["in_sync"]
    assert kind.held() == before
    assert before


def test_a_foreign_entry_survives(tmp_path: Path, kind: Kind) -> None:
    """What is another's is a conflict, and is never written, forced or not."""
    untouched = kind.write_foreign()
    result = _run(tmp_path, kind, _TWO)
    assert (result.exit_code, len(result.targets[0].plan.conflicts)) == (1, 1)
    assert untouched()


def test_desired_is_deterministic(tmp_path: Path, kind: Kind) -> None:
    """The order in which keys come does not matter: the checksum of the plan is the same."""
    first = _run(tmp_path, kind, _TWO, dry=True)
    second = _run(tmp_path, kind, dict(reversed(_TWO.items())), dry=True)
    assert first.checksum == second.checksum
    assert first.targets[0].plan.changes


_STATES = st.lists(
    st.dictionaries(st.sampled_from(["k/a", "k/b", "k/c", "k/d"]), st.sampled_from(["", "1", "x y", "ü"])),
    min_size=2,
    max_size=3,
)


@given(states=_STATES)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_plan_does_what_it_shows(tmp_path: Path, kind: Kind, states: list[Keys]) -> None:
    """From any state to any other: what is planned is what is applied, and then nothing is left to do."""
    for keys in states:
        planned = _run(tmp_path, kind, keys, dry=True)
        done = _run(tmp_path, kind, keys)
        assert planned.checksum == done.checksum
        assert planned.targets[0].plan == done.targets[0].plan
        assert done.exit_code == 0
        after = _run(tmp_path, kind, keys, dry=True)
        assert after.in_sync
        if kind.target["kind"] == "cloudflare_kv":
            assert kind.held() == {key: value.encode() for key, value in keys.items()}
