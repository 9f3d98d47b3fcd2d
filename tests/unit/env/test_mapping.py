"""From a key's bytes to a variable's text: pointers, formats, include names."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.mapping import BadValue, Format, KeyRef, include_name, parse_ref, pick

DOCUMENT = b"""
{"text": "a b", "empty": "", "yes": true, "no": false, "nothing": null, "n": 120000, "price": 1.50, "exp": 1E+3,
 "big": 123456789012345678901234567890, "list": [1, "two", {"three": 3}], "object": {"b": 1, "a": {"\\u00e9": [ ]}},
 "a/b": "slash", "m~n": "tilde", "": "empty name", "twice": 1, "twice": 2, "quoted": "\\"\\n"}
"""


@pytest.mark.parametrize(
    ("pointer", "text"),
    [
        ("/text", "a b"),
        ("/empty", ""),
        ("/yes", "true"),
        ("/no", "false"),
        ("/n", "120000"),
        ("/price", "1.50"),
        ("/exp", "1E+3"),
        ("/big", "123456789012345678901234567890"),
        ("/list", '[1,"two",{"three":3}]'),
        ("/list/1", "two"),
        ("/list/2/three", "3"),
        ("/object", '{"b":1,"a":{"é":[]}}'),
        ("/a~1b", "slash"),
        ("/m~0n", "tilde"),
        ("/", "empty name"),
        ("/twice", "2"),
        ("/quoted", '"\n'),
        ("/nothing", None),
        ("/absent", None),
        ("/text/0", None),
        ("/list/3", None),
        ("/list/-", None),
        ("/list/01", None),
        ("/list/two", None),
        ("/list/" + "9" * 5000, None),
    ],
)
def test_pointer(pointer: str, text: str | None) -> None:
    """A string is taken as it is, anything else as JSON writes it; null and nowhere are missing."""
    assert pick(KeyRef("k", pointer), DOCUMENT) == text


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        ("raw", b' {"a": 1}\n', ' {"a": 1}\n'),
        ("raw", b"", ""),
        ("raw", "é".encode(), "é"),
        ("json", b' {"b": [1.50, "x y"],\n "a": null} ', '{"b":[1.50,"x y"],"a":null}'),
        ("json", b'"text"', '"text"'),
        ("json", b"null", "null"),
        ("csv", b'["https://a", "https://b:1"]', "https://a,https://b:1"),
        ("csv", b'[1, 2.50, true, "x"]', "1,2.50,true,x"),
        ("csv", b"[]", ""),
    ],
)
def test_formats(form: Format, value: bytes, text: str) -> None:
    """raw is the value itself, json its compact form, csv the elements with commas."""
    assert pick(KeyRef("k"), value, form) == text


def test_format_behind_a_pointer() -> None:
    """A pointer comes first, then the format."""
    assert pick(KeyRef("k", "/list"), b'{"list": ["a", "b"]}', "csv") == "a,b"
    assert pick(KeyRef("k", "/text"), b'{"text": "a"}', "json") == '"a"'


@pytest.mark.parametrize(
    ("ref", "value", "form", "words"),
    [
        ("k", b"\xff-secret", "raw", "is not UTF-8"),
        ("k#/a", b"\xff-secret", "raw", "is not UTF-8"),
        ("k#/a", b"secret", "raw", "is not JSON, which pointer /a needs"),
        ("k#/a", b"", "raw", "is not JSON"),
        ("k#/a", b'{"a": secret}', "raw", "is not JSON"),
        ("k#/a", b'{"a": NaN}', "raw", "is not JSON"),
        ("k#/a", b'\xef\xbb\xbf{"a": 1}', "raw", "is not JSON"),
        ("k#/a", b'{"a": "secret\\ud800"}', "raw", "half of a surrogate pair"),
        ("k", b'["secret\\ud800"]', "json", "half of a surrogate pair"),
        ("k", b"secret", "json", "is not JSON, which format json needs"),
        ("k", b"a,b", "csv", "is not JSON, which format csv needs"),
        ("k", b'"secret"', "csv", "is not a JSON array"),
        ("k", b'["a", "secret,x"]', "csv", "index 1 that holds a comma or a line break"),
        ("k", b'["a\\nsecret"]', "csv", "index 0 that holds a comma or a line break"),
        ("k", b'[["secret"]]', "csv", "index 0 that is not a string, number or boolean"),
        ("k", b"[null]", "csv", "index 0 that is not a string, number or boolean"),
        ("k", b"[" * 500_000, "json", "is JSON nested too deeply"),
        ("k#/a/b", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "raw", "is JSON nested too deeply"),
    ],
)
def test_faults(ref: str, value: bytes, form: Format, words: str) -> None:
    """What cannot be read says why, and never the value."""
    with pytest.raises(BadValue, match=words) as fault:
        pick(parse_ref(ref), value, form)
    assert "secret" not in str(fault.value)


def test_parse_ref() -> None:
    """A key with and without a pointer, and back to text."""
    assert parse_ref("a/b") == KeyRef("a/b")
    assert parse_ref("a/b#/c/0") == KeyRef("a/b", "/c/0")
    assert str(KeyRef("a/b", "/c/0")) == "a/b#/c/0"
    assert str(KeyRef("a/b")) == "a/b"


@pytest.mark.parametrize("text", ["a#", "a#b", "a#/b~", "a#/b~2", "a#b#/c"])
def test_parse_ref_refuses(text: str) -> None:
    """A typo in a pointer is a fault, not a key that is never found."""
    with pytest.raises(ValueError, match="pointer"):
        parse_ref(text)


@pytest.mark.parametrize(
    ("pattern", "prefix", "key", "name"),
    [
        ("config/features/*", "FEATURE_", "config/features/ai_enabled", "FEATURE_AI_ENABLED"),
        ("config/**", "", "config/features/ai-enabled.v2", "FEATURES_AI_ENABLED_V2"),
        ("config/feat*", "X_", "config/features", "X_FEATURES"),
        ("**", "", "a/b c", "A_B_C"),
        ("config/exact", "X_", "config/exact", "X_EXACT"),
        ("c/*", "", "c/straße/é", "STRASSE__"),
        ("c/*", "low_", "c/1", "low_1"),
    ],
)
def test_include_name(pattern: str, prefix: str, key: str, name: str) -> None:
    """Prefix + the part after the glob's last fixed slash, upper-cased, the rest of the characters turned to _."""
    assert include_name(pattern, prefix, key) == name


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
        max_leaves=20,
    )
)
def test_json_means_the_same(document: object) -> None:
    """Compact JSON is the same document, in the form that Python's own compact writer gives."""
    value = json.dumps(document, indent=1).encode()
    assert pick(KeyRef("k"), value, "json") == json.dumps(document, ensure_ascii=False, separators=(",", ":"))
