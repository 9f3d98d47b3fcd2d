"""`plan --out` and `apply`: exactly the reviewed plan, or nothing."""

import json

import pytest

from tests.support.stack import Stack


@pytest.fixture
def saved(stack: Stack) -> Stack:
    """A stack that was applied once, has one change pending, and a saved plan for it."""
    (stack.folder / "t.j2").write_text("{{ key('services/app/url') }}\n")
    stack.config["targets"]["page"] = {"kind": "template", "template": "t.j2", "path": "out/page"}
    assert stack.syncd("once")[0] == 0
    stack.put(config__domains__api="https://api2.example.com", services__app__url="http://127.0.0.1:10")
    assert stack.syncd("plan", "--out", "plan.json")[0] == 0
    return stack


def _untouched(stack: Stack) -> bool:
    return (
        stack.kv.get("config/domains/api") == b"https://api.example.com"
        and (stack.folder / "out/page").read_text() == "http://127.0.0.1:9\n"
        and "APP_URL=http://127.0.0.1:9\n" in (stack.folder / "out/app.env").read_text()
    )


def test_an_unrelated_write_does_not_invalidate_a_plan(saved: Stack) -> None:
    """(a) Another key moves the Consul index: the plan is still applied."""
    saved.put(services__other__url="x")
    code, report = saved.json("apply", "plan.json")
    assert code == 0
    assert [one["outcome"] for one in report["targets"]] == ["applied"] * 3
    assert saved.kv.get("config/domains/api") == b"https://api2.example.com"
    assert saved.syncd("plan", "--detailed-exitcode")[0] == 0


def test_a_used_key_that_moved_refuses(saved: Stack) -> None:
    """(b) exit 3, what moved is named, nothing touched."""
    saved.put(services__app__url="http://127.0.0.1:11")
    code, _, err = saved.syncd("apply", "plan.json")
    assert code == 3
    assert "app-env, page moved" in err
    assert _untouched(saved)


def test_a_target_that_moved_refuses(saved: Stack) -> None:
    """(c) exit 3, nothing touched."""
    saved.kv.delete("config/domains/web")
    code, _, err = saved.syncd("apply", "plan.json")
    assert (code, "edge moved" in err) == (3, True)
    assert _untouched(saved)


def test_a_template_that_moved_refuses(saved: Stack) -> None:
    """(d) exit 3 even where the output is the same; nothing touched."""
    (saved.folder / "t.j2").write_text("{{ key('services/app/url') }}{# same #}\n")
    code, _, err = saved.syncd("apply", "plan.json")
    assert (code, "template changed" in err) == (3, True)
    assert _untouched(saved)


def test_a_config_that_moved_refuses(saved: Stack) -> None:
    """Another limit is another plan."""
    saved.config["limits"] = {"max_delete_percent": 99}
    assert saved.syncd("apply", "plan.json")[0] == 3
    assert _untouched(saved)


def test_another_plan_key_refuses_and_says_why(saved: Stack) -> None:
    """Digests of sensitive values cannot be compared without the key that sealed them."""
    saved.put(secrets__db="new-s3cret")
    saved.syncd("plan", "--out", "plan.json")
    saved.env = {"SYNCD_PLAN_KEY": "another"}
    code, _, err = saved.syncd("apply", "plan.json")
    assert (code, "sealed with another key" in err) == (3, True)
    assert _untouched(saved)


def test_no_plan_key_refuses_out(stack: Stack) -> None:
    """`--out` with sensitive digests and no key is a fault; with SYNCD_PLAN_KEY it works without a state dir."""
    code, _, err = stack.syncd("plan", "--out", "plan.json")
    assert (code, "SYNCD_PLAN_KEY" in err) == (78, True)
    assert not (stack.folder / "plan.json").exists()
    stack.env = {"SYNCD_PLAN_KEY": "k"}
    assert stack.syncd("plan", "--out", "plan.json")[0] == 0
    path = stack.folder / "plan.json"
    assert path.stat().st_mode & 0o777 == 0o600
    for one in json.loads(path.read_text())["targets"]:
        assert all(change["old"] is None and change["new"] is None for change in one["changes"])
        assert one["diff"] is None
    assert stack.syncd("apply", "plan.json")[0] == 0


def test_an_unsafe_plan_needs_force(stack: Stack) -> None:
    """apply refuses an unsafe plan as a whole, and carries it out with --force."""
    stack.syncd("once")
    for name in ("api", "web"):
        stack.delete(f"config/domains/{name}")
    assert stack.syncd("plan", "--out", "plan.json")[0] == 3
    assert stack.syncd("apply", "plan.json")[0] == 3
    assert len(stack.kv.list("")) == 2
    assert stack.syncd("apply", "plan.json", "--force")[0] == 0
    assert stack.kv.list("") == {}


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"version": 2}', '{"version": 1}', "\x00"])
def test_a_broken_plan_file_is_a_located_fault(stack: Stack, content: str) -> None:
    """Not a traceback: exit 78 and the file's name."""
    (stack.folder / "plan.json").write_text(content)
    code, _, err = stack.syncd("apply", "plan.json")
    assert (code, "plan.json" in err) == (78, True)
