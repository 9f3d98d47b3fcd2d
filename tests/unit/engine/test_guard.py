"""The vanish guard, with a source that says of each key what the test wants."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from syncd.core.fields import Expect
from syncd.core.model import Change, Desired, Entry, Need, Plan, Presence, ServiceUse
from syncd.core.snapshot import Snapshot
from syncd.engine.guard import guarded
from syncd.engine.journal import Inputs
from syncd.engine.reading import Rendered
from syncd.targets.base import FileTargetConfig, TargetConfig


class _Says:
    """A source that knows of each key only what it is told."""

    def __init__(self, **answers: Presence) -> None:
        self.answers = {key.replace("__", "/"): presence for key, presence in answers.items()}
        self.asked: list[str] = []

    async def read(self, needs: frozenset[Need], known: Snapshot | None = None) -> Snapshot:
        raise AssertionError("the guard reads nothing else")

    async def confirm(self, keys: Sequence[str]) -> Mapping[str, Presence]:
        self.asked = list(keys)
        return {key: self.answers.get(key, Presence.GONE) for key in keys}

    async def close(self) -> None:
        return


_REMOTE: Any = SimpleNamespace(name="t", config=TargetConfig(kind="k"), source_key=lambda key: key)
_FILE: Any = SimpleNamespace(name="t", config=FileTargetConfig(kind="k", path="f"))
_DELETE = Plan("t", "k", (Change("delete", "k/a", "x", None),), owned=5)
_UPDATE = Plan("t", "k", (Change("update", "f", "x", "y"),), owned=1)


def _rendered(target: Any, inputs: dict[str, str], *reads: Need, **more: Any) -> Rendered:
    return Rendered(target, Desired(**more), frozenset(reads), Inputs(inputs, {}))


async def _guard(plan: Plan, rendered: Rendered, before: Inputs, source: _Says, **more: Any) -> Plan:
    return await guarded(plan, rendered, before, source, layer=more.pop("layer", ""), allow_empty=False, **more)


@pytest.mark.parametrize("presence", [Presence.HIDDEN, Presence.UNKNOWN, Presence.PRESENT])
async def test_a_delete_that_is_not_proved_is_held(presence: Presence) -> None:
    """Hidden, unknown, or there after all: the target keeps what it has, and the key is named."""
    source = _Says(k__a=presence)
    plan = await _guard(_DELETE, _rendered(_REMOTE, {"k/b": ""}), Inputs({}, {}), source)
    assert "'k/a'" in plan.held[0]
    assert not (await _guard(_DELETE, _rendered(_REMOTE, {"k/b": ""}), Inputs({}, {}), _Says())).held


async def test_a_delete_asks_for_the_overlay_too() -> None:
    """With an environment both layers must be proved gone."""
    source = _Says(env__prod__k__a=Presence.HIDDEN)
    plan = await _guard(_DELETE, _rendered(_REMOTE, {}), Inputs({}, {}), source, layer="env/prod")
    assert source.asked == ["env/prod/k/a", "k/a"]
    assert plan.held


async def test_a_key_that_left_a_files_glob_is_asked_for() -> None:
    """The journal's last key set tells what vanished; what is no longer read at all is not asked for."""
    before = Inputs({"k/a": "", "k/b": "", "other/x": ""}, {})
    rendered = _rendered(_FILE, {"k/b": ""}, Need("folder", "k/"))
    source = _Says(k__a=Presence.HIDDEN)
    assert (await _guard(_UPDATE, rendered, before, source)).held
    assert source.asked == ["k/a"]


async def test_a_lost_overlay_is_asked_for() -> None:
    """A value that falls back to its base may be an overlay that we are not shown any more."""
    before, rendered = Inputs({"k/a": "env/prod"}, {}), _rendered(_FILE, {"k/a": ""}, Need("key", "k/a"))
    source = _Says(env__prod__k__a=Presence.HIDDEN)
    assert (await _guard(_UPDATE, rendered, before, source, layer="env/prod")).held
    assert not (await _guard(_UPDATE, rendered, before, _Says(), layer="env/prod")).held


async def test_an_emptied_source_is_unsafe() -> None:
    """Every key of a file proved gone: unsafe, not held."""
    plan = await _guard(_UPDATE, _rendered(_FILE, {}, Need("folder", "k/")), Inputs({"k/a": ""}, {}), _Says())
    assert (bool(plan.unsafe), plan.held) == (True, ())


async def test_a_plan_without_changes_asks_nothing() -> None:
    """The guard costs a request only where something would be lost."""
    source = _Says()
    await _guard(Plan("t", "k"), _rendered(_REMOTE, {}), Inputs({"k/a": ""}, {}), source)
    assert source.asked == []


async def test_a_service_that_lost_its_last_instance_holds() -> None:
    """Unless the template allows it to be empty, or it never had one."""
    before = Inputs({}, {"web": 2})
    use = ServiceUse("web", 0, False)
    assert "web" in (await _guard(_UPDATE, _rendered(_FILE, {}, services=(use,)), before, _Says())).held[0]
    allowed = _rendered(_FILE, {}, services=(ServiceUse("web", 0, True),))
    assert not (await _guard(_UPDATE, allowed, before, _Says())).held
    assert not (await _guard(_UPDATE, _rendered(_FILE, {}, services=(use,)), Inputs({}, {}), _Says())).held


async def test_expect_holds_a_target_that_wants_too_little() -> None:
    """The only hint at a half-blind token on the first read."""
    target: Any = SimpleNamespace(
        name="t", config=TargetConfig(kind="k", expect=Expect(min_entries=2)), source_key=lambda key: key
    )
    one = {"a": Entry("a", "x")}
    assert (
        "expect.min_entries"
        in (await _guard(Plan("t", "k"), _rendered(target, {}, entries=one), Inputs({}, {}), _Says())).held[0]
    )
    two = {**one, "b": Entry("b", "x")}
    assert not (await _guard(Plan("t", "k"), _rendered(target, {}, entries=two), Inputs({}, {}), _Says())).held
