"""What is shown of a pass, in three formats."""

from dataclasses import replace

from syncd.core.model import Change, Conflict, Entry, KeyFault, Plan
from syncd.core.report import as_json, as_markdown
from syncd.core.report.lines import lines
from syncd.core.report.model import Orphan, PassResult, ReloadResult, TargetResult

_CHANGES = (
    Change("create", "config/new", None, "b" * 32, None, "fresh", entry=Entry("config/new", "b" * 32, b"fresh")),
    Change(
        "update", "config/old", "a" * 32, "b" * 32, "before", "after", entry=Entry("config/old", "b" * 32, b"after")
    ),
    Change("delete", "secrets/x", "a" * 64, None, sensitive=True),
)
_EDGE = Plan("edge", "cloudflare_kv", _CHANGES, owned=3)
_DIFF = "--- out/a.env\n+++ out/a.env\n@@ -1 +1,2 @@\n-A=1\n+A=2\n+B=«sensitive»\n"
_FILE = Plan("a-env", "env_file", (Change("update", "out/a.env", "a" * 64, "b" * 64),), diff=_DIFF)


def _result(*plans: Plan, **more: object) -> PassResult:
    return PassResult("me", 7, "sha256:x", tuple(TargetResult(plan) for plan in plans), **more)  # type: ignore[arg-type]


def _text(result: PassResult, *, hide_values: bool = False) -> str:
    return "\n".join(line.text for line in lines(result, hide_values=hide_values))


def test_json_has_the_contract_s_shape() -> None:
    """Every field of contract.md §4 is there, values shown, sensitive ones not."""
    document = as_json.document(_result(_EDGE))
    assert {"version", "owner", "consul_index", "checksum", "in_sync", "targets"} <= document.keys()
    (target,) = document["targets"]
    fields = {"target", "kind", "in_sync", "safe", "error", "missing_keys", "counts", "changes", "conflicts", "faults"}
    assert fields | {"diff"} <= target.keys()
    assert target["counts"] == {"create": 1, "update": 1, "delete": 1}
    create, update, delete = target["changes"]
    assert {"op", "key", "old_sha256", "new_sha256", "old", "new", "sensitive"} <= create.keys()
    assert (create["old"], create["new"], len(create["new_sha256"])) == (None, "fresh", 64)
    assert (update["old"], update["new"]) == ("before", "after")
    assert (delete["old"], delete["new"], delete["sensitive"]) == (None, None, True)


def test_hidden_values_are_null_in_json_and_counted_in_text() -> None:
    """`--hide-values` leaves keys and counts."""
    for target in as_json.document(_result(_EDGE, _FILE), hide_values=True)["targets"]:
        assert target["diff"] is None
        assert all(change["old"] is None and change["new"] is None for change in target["changes"])
    for shown in (
        _text(_result(_EDGE, _FILE), hide_values=True),
        as_markdown.document(_result(_EDGE, _FILE), hide_values=True),
    ):
        assert "2 lines added, 1 line removed" in shown
        assert "before" not in shown
        assert "A=2" not in shown
        assert "config/old" in shown


def test_text_shows_a_table_for_pairs_and_a_diff_for_files() -> None:
    """One line per pair with old and new; the file's unified diff; the sum last."""
    shown = _text(_result(_EDGE, _FILE)).splitlines()
    assert '  ~ config/old  "before" → "after"' in shown
    assert "  - secrets/x   «sensitive»" in shown
    assert "  +B=«sensitive»" in shown
    assert shown[-1] == "Plan: 1 to create, 2 to update, 1 to delete in 2 of 2 targets."


def test_everything_in_the_way_is_said() -> None:
    """Missing keys, faults, conflicts, held and unsafe reasons, owed and failed reloads, orphans."""
    plan = replace(
        _EDGE,
        missing_keys=("k/missing",),
        faults=(KeyFault("k/fault", "too long"),),
        conflicts=(Conflict("k/theirs", "you", "belongs to you"),),
        held=("hidden from us",),
        unsafe=("too much",),
    )
    reloads = (ReloadResult("nginx", "owed"), ReloadResult("app", "failed", "no"))
    result = _result(plan, reloads=reloads, orphans=(Orphan("gone", "env_file", "out/x"),))
    for shown in (_text(result), as_markdown.document(result)):
        for word in ("missing", "too long", "belongs to you", "hidden from us", "too much", "nginx", "app", "out/x"):
            assert word in shown, word


def test_what_commands_printed_is_hidden_with_the_values() -> None:
    """A check's output may hold a value: with `--hide-values` only that it failed, in every format."""
    printed = (
        "check of web failed (exit code 12): boo",
        "check of web failed (signal KILL): boo\nboo",
        "check of web took longer than 1 s and was ended; raise its timeout: boo",
        "check of web failed: the consumer refused the files: boo",
        "reload of web answered 500, not 200: boo",
        "reload of web failed in container ab12: 'nginx' ended with 1: boo",
    )
    for error in printed:
        done = TargetResult(_FILE, "failed", error)
        result = replace(_result(), targets=(done,), reloads=(ReloadResult("web", "failed", f"{error}\nboo"),))
        for hidden in (True, False):
            document = as_json.document(result, hide_values=hidden)
            texts = [_text(result, hide_values=hidden), as_markdown.document(result, hide_values=hidden)]
            texts += [document["targets"][0]["error"], document["reloads"][0]["error"]]
            for shown in texts:
                assert "of web" in shown
                assert ("boo" in shown) is not hidden, shown


def test_markdown_puts_unsafe_targets_first_and_is_cut() -> None:
    """At most 60,000 characters, said where it is cut, with no open fence; what is unsafe comes before the rest."""
    many = tuple(Change("create", f"key/{number}", None, "b" * 32, None, "v" * 50) for number in range(2000))
    result = _result(Plan("calm", "cloudflare_kv", many), replace(_EDGE, target="alarming", unsafe=("too much",)))
    shown = as_markdown.document(result)
    assert len(shown) <= as_markdown.LONGEST_CHARACTERS
    assert "Cut here" in shown
    assert shown.index("alarming") < shown.index("calm")
    assert shown.count("```") % 2 == 0
    assert shown.count("<details>") == shown.count("</details>")


def test_markdown_cannot_be_injected() -> None:
    """A value cannot close the fence, a key cannot break the table or mention a user."""
    plan = replace(
        _EDGE, changes=(Change("create", "a|b@all", None, "b" * 32, None, "```\n# boo"),), held=("@team | <b>",)
    )
    shown = as_markdown.document(_result(plan))
    assert "\n# boo" not in shown
    assert "@team" not in shown
    assert "<b>" not in shown


def test_exit_codes_follow_the_order() -> None:
    """Failed beats unsafe and held; a dry run with an unsafe plan is 3; in sync is 0."""
    failing = Plan("f", "env_file", missing_keys=("k",))
    unsafe, held = replace(_EDGE, unsafe=("x",)), replace(_EDGE, held=("x",))
    assert _result(failing, unsafe).exit_code == 1
    assert _result(unsafe).exit_code == 3
    assert _result(held).exit_code == 3
    assert _result(_EDGE).exit_code == 0
    done = PassResult("me", 7, "x", (TargetResult(unsafe, "applied"), TargetResult(_EDGE, "applied")))
    assert done.exit_code == 0
    assert replace(done, targets=(TargetResult(unsafe, "unsafe"),)).exit_code == 3
    assert replace(done, reloads=(ReloadResult("r", "failed", "no"),)).exit_code == 1
