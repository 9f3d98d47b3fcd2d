"""The plan between what is and what should be."""

from hypothesis import given
from hypothesis import strategies as st

from syncd.core.diff import diff
from syncd.core.fields import Limits
from syncd.core.model import FOREIGN, Conflict, Desired, Entry, Plan
from syncd.core.safety import by_limits, by_policy

_KEYS = st.sampled_from([f"k{number}" for number in range(8)])
_DIGESTS = st.sampled_from(["aa", "bb", "cc"])
_OWNERS = st.sampled_from(["me", "other", None, FOREIGN])
_WANTED = st.dictionaries(_KEYS, _DIGESTS).map(lambda found: {key: Entry(key, digest) for key, digest in found.items()})
_PRESENT = st.dictionaries(_KEYS, st.tuples(_DIGESTS, _OWNERS)).map(
    lambda found: {key: Entry(key, digest, owner=owner) for key, (digest, owner) in found.items()}
)


def _applied(plan: Plan, current: dict[str, Entry]) -> dict[str, Entry]:
    after = dict(current)
    for change in plan.changes:
        if change.entry is None:
            del after[change.key]
        else:
            after[change.key] = Entry(change.key, change.entry.digest, owner="me")
    return after


@given(_WANTED, _PRESENT, st.booleans())
def test_applying_a_plan_leaves_nothing_to_do(wanted: dict[str, Entry], current: dict[str, Entry], adopt: bool) -> None:
    """After a plan is applied, the next one has no changes, and the same conflicts."""
    desired = Desired(entries=wanted)
    plan = diff("t", "k", desired, current, owner="me", adopt=adopt)
    again = diff("t", "k", desired, _applied(plan, current), owner="me", adopt=adopt)
    assert again.changes == ()
    assert again.conflicts == plan.conflicts


@given(_WANTED, _PRESENT, st.booleans())
def test_what_is_not_ours_survives(wanted: dict[str, Entry], current: dict[str, Entry], adopt: bool) -> None:
    """No plan touches another owner's entry, and only adopt touches what nobody claims."""
    plan = diff("t", "k", Desired(entries=wanted), current, owner="me", adopt=adopt)
    for change in plan.changes:
        if change.key in current:
            owner = current[change.key].owner
            assert owner == "me" or (owner is None and adopt and change.op == "update")


@given(_WANTED, _PRESENT)
def test_deletes_come_last_in_key_order(wanted: dict[str, Entry], current: dict[str, Entry]) -> None:
    """A reader never sees a gap: writes first, then deletes, each in key order."""
    plan = diff("t", "k", Desired(entries=wanted), current, owner="me")
    assert list(plan.changes) == sorted(plan.changes, key=lambda change: (change.op == "delete", change.key))


def test_a_target_that_cannot_be_rendered_is_left_alone() -> None:
    """An error means no change at all, not an empty target."""
    plan = diff("t", "k", Desired(error="no"), {"a": Entry("a", "aa", owner="me")}, owner="me")
    assert plan.changes == ()
    assert plan.error == "no"
    assert not plan.in_sync


def test_a_protected_entry_is_not_deleted() -> None:
    """An entry whose exact key is missing is a fault and stays."""
    desired = Desired(missing=("a",), protect=frozenset({"a"}))
    plan = diff("t", "k", desired, {"a": Entry("a", "aa", owner="me")}, owner="me")
    assert plan.changes == ()
    assert plan.missing_keys == ("a",)


def test_a_conflict_names_the_other_owner() -> None:
    """The operator reads whose entry it is; a foreign mark names nobody."""
    current = {"a": Entry("a", "aa", owner="you"), "b": Entry("b", "aa", owner=FOREIGN), "c": Entry("c", "aa")}
    desired = Desired(entries={key: Entry(key, "bb") for key in current})
    plan = diff("t", "k", desired, current, owner="me")
    assert [conflict.owner for conflict in plan.conflicts] == ["you", None, None]
    assert all(isinstance(conflict, Conflict) and conflict.why for conflict in plan.conflicts)


def test_mode_drift_is_an_update_where_a_mode_is_wanted() -> None:
    """Equal content with another mode is repaired; an unset owner is not compared."""
    wanted = Entry("f", "aa", mode=0o600)
    plan = diff(
        "t", "k", Desired(entries={"f": wanted}), {"f": Entry("f", "aa", owner="me", mode=0o644, uid=7)}, owner="me"
    )
    assert [(change.op, change.note) for change in plan.changes] == [("update", "mode 0644 → 0600")]


def _plan(*, creates: int = 0, updates: int = 0, deletes: int = 0, same: int = 0) -> Plan:
    kept = [f"k{number}" for number in range(updates + same)]
    gone = [f"gone{number}" for number in range(deletes)]
    current = {key: Entry(key, "aa", owner="me") for key in kept + gone}
    wanted = {key: Entry(key, "bb" if number < updates else "aa") for number, key in enumerate(kept)}
    wanted |= {f"new{number}": Entry(f"new{number}", "bb") for number in range(creates)}
    return diff("t", "k", Desired(entries=wanted), current, owner="me")


def test_a_limit_is_passed_only_when_it_is_exceeded() -> None:
    """30 % of ten is allowed, four of ten is not."""
    assert not by_limits(_plan(deletes=3, same=7), Limits()).unsafe
    assert "40.0 %" in by_limits(_plan(deletes=4, same=6), Limits()).unsafe[0]
    assert not by_limits(_plan(updates=5, same=5), Limits()).unsafe
    assert by_limits(_plan(updates=6, same=4), Limits()).unsafe


def test_below_min_entries_only_emptying_is_unsafe() -> None:
    """Four entries may lose three; losing all is unsafe unless it is allowed or something new comes."""
    assert not by_limits(_plan(deletes=3, same=1), Limits()).unsafe
    assert by_limits(_plan(deletes=4), Limits()).unsafe
    assert not by_limits(_plan(deletes=4), Limits(allow_empty=True)).unsafe
    assert not by_limits(_plan(deletes=4, creates=1), Limits()).unsafe
    assert by_limits(_plan(deletes=10), Limits()).unsafe
    assert not by_limits(_plan(deletes=10), Limits(allow_empty=True)).unsafe


def test_policies_filter_ops() -> None:
    """upsert-only never deletes, create-only only creates."""
    plan = _plan(creates=1, updates=1, deletes=1, same=1)
    assert [change.op for change in by_policy(plan, "sync").changes] == ["update", "create", "delete"]
    assert [change.op for change in by_policy(plan, "upsert-only").changes] == ["update", "create"]
    assert [change.op for change in by_policy(plan, "create-only").changes] == ["create"]
