"""From needs to reads."""

from syncd.consul.planner import Reads, plan
from syncd.core.model import Need


def keys(*names: str) -> set[Need]:
    """Return needs of exact keys."""
    return {Need("key", name) for name in names}


def folders(*names: str) -> set[Need]:
    """Return needs of folders."""
    return {Need("folder", name) for name in names}


def test_a_key_alone_in_its_folder_is_read_singly() -> None:
    """Nothing else of the folder is fetched."""
    assert plan(keys("config/env", "secrets/jwt")) == Reads(keys=("config/env", "secrets/jwt"))


def test_two_keys_in_a_folder_are_read_as_the_folder() -> None:
    """One read instead of two; the folder ends in a slash, so that its neighbours are not read."""
    assert plan(keys("config/env", "config/log_level", "a/b/c")) == Reads(keys=("a/b/c",), folders=("config/",))


def test_keys_are_never_merged_into_a_folder_that_nobody_reads() -> None:
    """Keys in different folders stay single, however many they are."""
    names = [f"services/s{number}/url" for number in range(50)]
    assert plan(keys(*names)) == Reads(keys=tuple(sorted(names)))


def test_the_top_is_read_as_a_whole_only_for_many_keys() -> None:
    """Up to 8 keys at the top of the prefix stay single: the folder there is everything."""
    eight = [f"k{number}" for number in range(8)]
    assert plan(keys(*eight)) == Reads(keys=tuple(eight))
    assert plan(keys(*eight, "k8")) == Reads(folders=("",))


def test_a_wider_folder_covers_nested_ones_and_keys() -> None:
    """Nothing is read twice."""
    needs = folders("config/", "config/domains/") | keys("config/a/x", "config/a/y", "services/z")
    assert plan(needs) == Reads(keys=("services/z",), folders=("config/",))
    assert plan(needs | folders("")) == Reads(folders=("",))


def test_an_environment_adds_its_overlay_once() -> None:
    """Only where keys are read at all; `env/` itself is invisible."""
    assert plan(keys("config/env"), layer="env/p") == Reads(keys=("config/env",), folders=("env/p/",))
    assert plan(folders("") | keys("a"), layer="env/p") == Reads(folders=("",))
    assert plan({Need("service", "web"), Need("catalog")}, layer="env/p") == Reads(services=("web",), catalog=True)
    assert plan(keys("env/p/config/env") | folders("env/"), layer="env/p") == Reads()
    assert plan(keys("env/p/config/env")) == Reads(keys=("env/p/config/env",))


def test_what_was_read_is_not_read_again() -> None:
    """A further round asks only for what is new."""
    needs = folders("config/domains/", "services/") | keys("config/env", "other/x")
    assert plan(needs, read=frozenset({"config/", "env/p/"}), layer="env/p") == Reads(
        keys=("other/x",), folders=("services/",)
    )
    assert plan(folders(""), read=frozenset({"config/"})) == Reads(folders=("",))


def test_a_denied_folder_is_replaced_by_what_it_was_read_for() -> None:
    """Its keys are asked for singly, a folder below it by itself."""
    needs = folders("config/", "config/domains/") | keys("config/a", "config/b")
    assert plan(needs, denied=frozenset({"config/"})) == Reads(
        keys=("config/a", "config/b"), folders=("config/domains/",)
    )


def test_names_that_no_url_can_hold_are_read_by_what_is_above() -> None:
    """Consul redirects `//`, `.` and `..`; a folder is read through its parent, a key by itself (in a transaction)."""
    assert plan(folders("a//b/", "../")) == Reads(folders=("",))
    assert plan(folders("a//b/")) == Reads(folders=("a/",))
    assert plan(keys("a//b", "a//c")) == Reads(keys=("a//b", "a//c"))


def test_keys_that_cannot_exist_are_not_asked_for() -> None:
    """No key ends in a slash for syncd, and none holds half a character."""
    assert plan(keys("", "a/", "\ud800")) == Reads()
