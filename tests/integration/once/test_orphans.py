"""What a target holds that left the config."""

from tests.support.stack import Stack


def test_a_renamed_target_leaves_no_orphan(stack: Stack) -> None:
    """The file that it had under its old name is its own still."""
    stack.syncd("once")
    stack.config["targets"]["other"] = stack.config["targets"].pop("app-env")
    code, report = stack.json("once")
    assert (code, report["orphans"]) == (0, [])
