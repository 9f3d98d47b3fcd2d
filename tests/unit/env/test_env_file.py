"""The env_file target: from a snapshot to one file, or to all that is missing or wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from syncd.core.model import Desired, KeyFault, Need, RawKey
from syncd.core.snapshot import HiddenKey, NeedMore, Rules, Snapshot, View, layered
from syncd.targets.base import Context
from syncd.targets.env_file import KIND, EnvFileConfig, EnvFileTarget

HEADER = "# Managed by syncd (owner: blog, target: backend). Do not edit: changes are overwritten.\n"
KEYS = {
    "services/ai-gateway/url": b"http://ai-gateway:7000",
    "services/ai-gateway": b'{"timeout": 120000, "retry": {"delay": 1000}}',
    "config/cors/allowed_origins": b'["https://a", "https://b"]',
    "config/features/ai_enabled": b"true",
    "config/features/rag-enabled": b"false",
    "config/empty": b"",
    "config/lines": b"a\nb",
    "config/binary": b"\xff\x00",
    "secrets/db": b"p@ss $1",
    "secrets/api_keys/ai": b"k-123",
}


def target(**config: Any) -> EnvFileTarget:
    """Return a target with this configuration."""
    context = Context(owner="blog", base_dir=Path(), load_template=lambda _: None, env={}, owner_was=("old-blog",))
    return EnvFileTarget("backend", EnvFileConfig(path="out/b.env", **config), context)


def snapshot(**more: Any) -> Snapshot:
    """Return a snapshot that covers everything."""
    raw = [RawKey(key, value, number) for number, (key, value) in enumerate(KEYS.items(), 1)]
    return Snapshot(items=layered(raw, Rules()), **{"covers": frozenset({Need("folder", "")}), **more})


def desired(made: EnvFileTarget, seen: Snapshot | None = None) -> Desired:
    """Render through fresh views."""
    seen = seen or snapshot()
    return made.desired(View(seen), View(seen, mask=True))


def text(made: EnvFileTarget) -> str:
    """Return the one file's text, without its header line."""
    found = desired(made)
    assert (found.error, found.missing) == (None, ())
    content = found.entries["out/b.env"].content
    assert content is not None
    return content.decode().removeprefix(HEADER)


def test_contract_example() -> None:
    """The variables of contract.md §2, in their order, includes last."""
    made = target(
        vars={
            "AI_GATEWAY_URL": "services/ai-gateway/url",
            "AI_TIMEOUT_MS": "services/ai-gateway#/timeout",
            "ALLOWED_ORIGINS": {"key": "config/cors/allowed_origins", "format": "csv"},
            "OPENAI_API_BASE_URL": {"template": "{{ AI_GATEWAY_URL }}/v1"},
            "LOG_LEVEL": {"key": "config/log_level", "default": "info"},
            "NODE_ENV": {"value": "production"},
        },
        include=[{"keys": "config/features/*", "prefix": "FEATURE_"}],
    )
    assert text(made) == (
        "AI_GATEWAY_URL=http://ai-gateway:7000\nAI_TIMEOUT_MS=120000\nALLOWED_ORIGINS=https://a,https://b\n"
        "OPENAI_API_BASE_URL=http://ai-gateway:7000/v1\nLOG_LEVEL=info\nNODE_ENV=production\n"
        "FEATURE_AI_ENABLED=true\nFEATURE_RAG_ENABLED=false\n"
    )
    assert made.needs() == {
        Need("key", "services/ai-gateway/url"),
        Need("key", "services/ai-gateway"),
        Need("key", "config/cors/allowed_origins"),
        Need("key", "config/log_level"),
        Need("folder", "config/features/"),
    }


def test_entry() -> None:
    """The entry names its owner, its origins and its mode; the same snapshot gives the same digest."""
    made = target(vars={"A": "config/empty", "B": "services/ai-gateway#/timeout", "C": "config/empty"})
    entry = desired(made).entries["out/b.env"]
    assert (entry.owner, entry.mode, entry.sensitive) == ("blog", 0o600, False)
    assert [(item.key, item.modify_index) for item in entry.origins] == [
        ("config/empty", 6),
        ("services/ai-gateway", 2),
    ]
    assert entry.digest == desired(made).entries["out/b.env"].digest
    assert desired(target(mode="0640")).entries["out/b.env"].mode == 0o640


def test_empty_and_default() -> None:
    """An empty value is a value; a default serves a missing key, a pointer that leads nowhere, and may be empty."""
    made = target(
        vars={
            "A": {"key": "config/empty", "default": "x"},
            "B": {"key": "config/none", "default": ""},
            "C": {"key": "services/ai-gateway#/none", "default": "c"},
        }
    )
    assert text(made) == "A=\nB=\nC=c\n"


def test_everything_missing_at_once() -> None:
    """All missing keys are named in one go, with the pointer where only that leads nowhere; nothing is written."""
    made = target(
        vars={
            "A": "config/none",
            "B": "services/ai-gateway#/none",
            "C": "config/none#/x",
            "D": {"template": "{{ A }}{{ B }}"},
            "E": "config/empty",
        },
        include=[{"keys": "config/exact"}],
    )
    found = desired(made)
    assert found.missing == ("config/none", "services/ai-gateway#/none", "config/exact")
    assert (found.error, found.entries, found.protect) == (None, {}, {"out/b.env"})


def test_everything_wrong_at_once() -> None:
    """All faults are named in one line, each with variable and key, none with a value."""
    made = target(
        dialect="docker",
        vars={
            "A": "services/ai-gateway/url#/x",
            "B": "config/binary",
            "C": "config/lines",
            "D": {"key": "config/features/ai_enabled", "format": "csv"},
            "E": {"template": "{{ 'x'|fromjson }}"},
            "G": {"value": "a\nb"},
        },
    )
    found = desired(made)
    assert found.error is not None
    assert found.error.split("; ") == [
        "A: services/ai-gateway/url is not JSON, which pointer /x needs",
        "B: config/binary is not UTF-8",
        "C: the docker dialect cannot hold a line break",
        "its value comes from config/lines",
        "D: config/features/ai_enabled is not a JSON array, which format csv needs",
        "E: fromjson: is not JSON",
        "G: the docker dialect cannot hold a line break",
        "its value comes from vars.G",
    ]
    assert (found.entries, found.protect) == ({}, {"out/b.env"})


def test_sensitive_taints_what_is_made_of_it() -> None:
    """A variable from a sensitive key is masked, and so is a template that reads it, however it reads it."""
    made = target(
        vars={
            "HOST": {"value": "db"},
            "PASSWORD": "secrets/db",
            "URL": {"template": "postgres://u:{{ PASSWORD|urlencode }}@{{ HOST }}/x"},
            "GUESS": {"template": "{% if PASSWORD == 'x' %}a{% else %}b{% endif %}"},
            "AGAIN": {"template": "{{ URL|b64encode }}"},
            "PLAIN": {"template": "{{ HOST }}:5432"},
        },
        include=[{"keys": "secrets/api_keys/*", "prefix": "KEY_"}],
    )
    found = desired(made)
    assert found.entries["out/b.env"].sensitive
    assert found.masked == (
        f"{HEADER}# Sensitive: PASSWORD, URL, GUESS, AGAIN, KEY_AI\nHOST=db\nPASSWORD=«sensitive»\nURL=«sensitive»\n"
        "GUESS=«sensitive»\nAGAIN=«sensitive»\nPLAIN=db:5432\nKEY_AI=«sensitive»\n"
    )
    assert "PASSWORD='p@ss $1'" in text(made)


def test_collisions_are_refused() -> None:
    """Two sources of one name are a fault that names both; which one wins is not guessed."""
    made = target(
        vars={"FEATURE_AI_ENABLED": {"value": "x"}},
        include=[{"keys": "config/features/*", "prefix": "FEATURE_"}, {"keys": "config/f*/rag*", "prefix": "FEATURE_"}],
    )
    error = desired(made).error
    assert error is not None
    assert "FEATURE_AI_ENABLED: both vars.FEATURE_AI_ENABLED and config/features/ai_enabled" in error


def test_a_key_that_is_named_and_included() -> None:
    """It is said that it is one key, and what to remove; «both x and x» helps nobody."""
    words = "EMPTY: config/empty makes it twice; name it in vars, or in one include only"
    assert words in (desired(target(vars={"EMPTY": "config/empty"}, include=[{"keys": "config/e*"}])).error or "")
    assert words in (desired(target(include=[{"keys": "config/e*"}, {"keys": "config/empty"}])).error or "")


def test_unfit_include_name_is_a_fault_of_the_key() -> None:
    """A key that makes no variable name is a fault of its own; the rest of the file is written."""
    raw = [RawKey("c/1st", b"x", 1), RawKey("c/second", b"y", 2), RawKey("c/random", b"z", 3)]
    seen = Snapshot(items=layered(raw, Rules()), covers=frozenset({Need("folder", "c/")}))
    found = desired(target(dialect="shell", include=[{"keys": "c/*"}]), seen)
    assert [fault.key for fault in found.faults] == ["c/1st", "c/random"]
    assert isinstance(found.faults[0], KeyFault)
    assert "1ST is not a variable name" in found.faults[0].why
    assert (found.entries["out/b.env"].content or b"").decode() == HEADER + "SECOND=y\n"


def test_hidden_and_unread_keys_are_not_missing() -> None:
    """A hidden key holds the target even where there is a default; an unread one is asked for."""
    made = target(vars={"A": {"key": "config/none", "default": "x"}})
    with pytest.raises(HiddenKey):
        desired(made, snapshot(hidden=frozenset({"config/none"})))
    with pytest.raises(NeedMore):
        desired(made, snapshot(covers=frozenset()))


def test_owner_of() -> None:
    """Our own file names its owner; any other bytes name none."""
    made = target(vars={"A": "config/empty"})
    content = desired(made).entries["out/b.env"].content
    assert content is not None
    assert made.owner_of(content) == "blog"
    assert made.owner_of(b"\xff\xfe\nA=1") is None
    assert made.owner_of(b"") is None


def test_mask() -> None:
    """A present file of ours, or of our former name, shows its plain lines; another owner's shows only equal ones."""
    made = target(vars={"A": "config/empty", "S": "secrets/db"})
    found = desired(made)
    head = HEADER.encode() + b"# Sensitive: S\n"
    for owner in (b"blog", b"old-blog"):
        there = head.replace(b"blog", owner, 1) + b"A=old\nS=secret\n"
        assert (made.mask(there, found, was_sensitive=False) or "").splitlines()[-2:] == ["A=old", "S=«sensitive»"]
    assert (made.mask(head.replace(b"blog", b"them", 1) + b"A=old\n", found, was_sensitive=False) or "").endswith(
        "A=«sensitive»\n"
    )
    assert made.mask(b"\xff", found, was_sensitive=False) is None
    assert made.mask(b"A=1\n", Desired(error="x"), was_sensitive=False) is None


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"vars": {"1A": "k"}}, "is not a variable name"),
        ({"vars": {"A": "k#x"}}, "has no JSON pointer after #"),
        ({"vars": {"A": "/k#/x"}}, "is not a key"),
        ({"vars": {"A": "a/*"}}, "is a glob where one key is needed"),
        ({"vars": {"A": {}}}, "exactly one of key, template, value"),
        ({"vars": {"A": {"key": "k", "value": "v"}}}, "has key and value"),
        ({"vars": {"A": {"value": "v", "default": "d"}}}, "go with key only"),
        ({"vars": {"A": {"template": "t", "format": "raw"}}}, "go with key only"),
        ({"vars": {"A": ["k"]}}, "is not a variable"),
        ({"vars": {"A": {"template": "{{ B"}}}, "is not a template"),
        ({"vars": {"A": {"template": "{{ B }}"}, "B": "k"}}, "reads B, which is not a variable above it"),
        ({"vars": {"A": {"template": "{{ key('k') }}"}}}, "reads key, which is not a variable above it"),
        ({"dialect": "shell", "vars": {"UID": "k"}}, "has a meaning of its own to the shell"),
        ({"include": [{"keys": "a/*", "prefix": "1_"}]}, "cannot start a variable name"),
    ],
)
def test_config_faults(config: dict[str, Any], words: str) -> None:
    """Each mistake has its own words."""
    with pytest.raises(ValidationError, match=words):
        EnvFileConfig(path="x", **config)


def test_config_faults_are_all_found() -> None:
    """A fault of a field hides none that looks at several variables, and each has its place."""
    variables = {"A": "k#x", "UID": "k", "B": {"template": "{{ C }}"}, "D": {"template": "{{ A }}"}}
    with pytest.raises(ValidationError) as faults:
        EnvFileConfig.model_validate({"path": "x", "dialect": "shell", "vars": variables})
    places = [fault["loc"] for fault in faults.value.errors()]
    assert places == [("vars", "A", "key"), ("vars", "UID", "[key]"), ("vars", "B", "template")]


def test_schema_has_the_short_form() -> None:
    """An editor accepts a plain string as well as the long form."""
    schema = EnvFileConfig.model_json_schema()["$defs"]["Var"]
    assert [one.get("type") for one in schema["anyOf"]] == ["string", "object"]
    assert KIND.config is EnvFileConfig
