"""syncd's filters, and Jinja2's own as far as they are changed."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
import yaml

from tests.unit.templating.rendering import fault, rendered

SECRET = "pl4nted"


def filtered(value: Any, filters: str) -> str:
    """Return a value after some filters."""
    return rendered("{{ v | " + filters + " }}", variables={"v": value})


def refused(value: Any, filters: str) -> str:
    """Return why a filter refuses a value."""
    return fault("{{ v | " + filters + " }}", variables={"v": value})


DATA = {"name": "ü <b> & 'q'", "list": [1, 2.5, True, {"deep": "x: y"}], "multi": "a\nb\n", "empty": {}, "no": "no"}


def test_tojson_is_plain() -> None:
    """No HTML escaping, order kept, other scripts as they are."""
    assert filtered({"b": "<ü> & '", "a": [1, None]}, "tojson") == '{"b": "<ü> & \'", "a": [1, null]}'
    assert json.loads(filtered(DATA, "tojson(indent=2)")) == DATA
    assert filtered([1], "tojson(2)") == "[\n  1\n]"


def test_fromjson() -> None:
    """JSON becomes data that can be looked into."""
    assert rendered("{{ (key('config/json') | fromjson).b[1] }}") == "2"


def test_toyaml_is_read_back() -> None:
    """YAML gives the same data, in block style, without anchors or an end of its own."""
    text = filtered({**DATA, "again": DATA["list"]}, "toyaml")
    assert yaml.safe_load(text) == {**DATA, "again": DATA["list"]}
    assert "&id" not in text
    assert not text.endswith("\n")
    assert filtered("x", "toyaml") == "x"


def test_totoml_is_read_back() -> None:
    """TOML gives the same data."""
    assert tomllib.loads(filtered(DATA, "totoml")) == DATA


@pytest.mark.parametrize("value", ["", "ü", b"\xff\x00", "a" * 1000])
def test_base64_and_sha256_take_text_and_bytes(value: str | bytes) -> None:
    """Text is taken as UTF-8."""
    if isinstance(value, str):
        assert filtered(value, "b64encode | b64decode") == value
    assert len(filtered(value, "sha256")) == 64


def test_known_encodings() -> None:
    """Known pairs."""
    assert filtered("user:pass", "b64encode") == "dXNlcjpwYXNz"
    assert filtered("abc", "sha256") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (r"'(\\w+)@(\\w+)', '\\2 \\1'", "b a c.d"),
        ("'[@.]', '-'", "a-b c-d"),
        ("'[@.]', '-', 1", "a-b c.d"),
        ("'[@. ]'", "abcd"),
        (r"'(?P<n>@)', '<\\g<n>>'", "a<@>b c.d"),
    ],
)
def test_regex_replace(args: str, text: str) -> None:
    """Python's regular expressions, groups, and a count."""
    assert filtered("a@b c.d", f"regex_replace({args})") == text


@pytest.mark.parametrize(
    ("url", "pair"),
    [
        ("http://backend:5080", "backend:5080"),
        ("http://backend/x?y#z", "backend:80"),
        ("https://User:pw@Host.example", "host.example:443"),
        ("redis://:pw@redis", "redis:6379"),
        ("postgres://u@db/x", "db:5432"),
        ("http://[::1]/", "[::1]:80"),
        ("http://[2001:db8::1]:8080", "[2001:db8::1]:8080"),
        ("backend:5080", "backend:5080"),
        (" ws://10.0.0.1 ", "10.0.0.1:80"),
    ],
)
def test_hostport(url: str, pair: str) -> None:
    """Host and port of a URL, with the scheme's default port and brackets around IPv6."""
    assert filtered(url, "hostport") == pair


@pytest.mark.parametrize(
    "url",
    ["", "backend", "x://h", "http://", "http://a b", "http://h:99999", "http://h:0", "http://a;b/", "http://[::1"],
)
def test_hostport_refuses(url: str) -> None:
    """What has no host or no port is a fault that does not show it."""
    said = refused(url, "hostport")
    assert said.startswith("t/main.j2:1: hostport: ")
    assert not url.strip() or url not in said


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ("", "'a $b'"),
        ("('compose')", "'a $b'"),
        ("('docker')", "a $b"),
        ("('shell')", "'a $b'"),
        ("('systemd')", "a $b"),
    ],
)
def test_envquote(args: str, text: str) -> None:
    """Quoted as the dialect needs it; compose is the default."""
    assert filtered("a $b", f"envquote{args}") == text


@pytest.mark.parametrize(
    ("value", "filters", "words"),
    [
        (f"{{{SECRET}", "fromjson", "fromjson: is not JSON"),
        (f'{{"{SECRET}": NaN}}', "fromjson", "fromjson: is not JSON"),
        ("[" * 100_000 + SECRET, "fromjson", "fromjson: the JSON is nested too deeply"),
        ({SECRET: b"x"}, "tojson", "tojson: holds something that JSON has no form for"),
        ({SECRET: float("nan")}, "tojson", "tojson: holds something that JSON has no form for"),
        ({SECRET: None}, "totoml", "totoml: holds something that TOML has no form for"),
        ([SECRET], "totoml", "totoml: a TOML document is a map, not a list"),
        (SECRET, "b64decode", "b64decode: is not base64"),
        ("/w==", "b64decode", "b64decode: what the base64 holds is not UTF-8"),
        ([SECRET], "b64encode", "b64encode: takes text, not a list"),
        (SECRET, f"regex_replace('({SECRET}')", "regex_replace: is not given a regular expression"),
        (SECRET, f"regex_replace('{SECRET}', '\\\\9')", "regex_replace: the replacement names a group"),
        (f"{SECRET}\n", "envquote('docker')", "envquote: the docker dialect cannot hold a line break"),
        (SECRET, f"envquote('{SECRET}')", "envquote: the dialect is not one of compose, docker, shell, systemd"),
        (SECRET, "round", "round: uses a value of the wrong type"),
        ([SECRET, 1], "sort", "sort: uses a value of the wrong type"),
        ([SECRET], "map('fromjson')", "fromjson: is not JSON"),
    ],
)
def test_filters_refuse_without_values(value: Any, filters: str, words: str) -> None:
    """A wrong value is told with line and filter, never shown."""
    said = refused(value, filters)
    assert said.startswith(f"t/main.j2:1: {words}")
    assert SECRET not in said


def test_undefined_into_a_filter() -> None:
    """A filter of ours says what is not defined, as Jinja2's own do."""
    assert fault("{{ nope | fromjson }}") == "t/main.j2:1: fromjson: 'nope' is not defined"
    assert rendered("{{ nope | default('d') }}") == "d"


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("[3, 1, 2] | sort | join(',')", "1,2,3"),
        ("'a-b' | replace('-', '+')", "a+b"),
        ("'x' | center(3)", " x "),
        ("[1, 2, 3] | sum", "6"),
        ("[{'a': 1}, {'a': 2}] | sum('a')", "3"),
        ("[{'a': 1}, {'a': 2}] | sum(attribute='a', start=1)", "4"),
        ("'%s=%d' | format('k', 5)", "k=5"),
        ("'%(a)s' | format(a=1)", "1"),
        ("'a\nb' | indent(2)", "a\n  b"),
        ("'a\nb' | indent('> ', first=true)", "> a\n> b"),
        ("2.25 | round(1)", "2.2"),
        ("[1, 2, 3] | batch(2, 0)", "[[1, 2], [3, 0]]"),
        ("[1, 2, 3] | slice(2)", "[[1, 2], [3]]"),
        ("['a', 'b'] | map('upper')", "['A', 'B']"),
        ("[{'a': 1}, {'a': 2}] | selectattr('a', 'gt', 1) | map(attribute='a') | first", "2"),
        ("'a b' | urlencode", "a%20b"),
        ("{'b': 1} | dictsort", "[('b', 1)]"),
        ("('a' * 20) | truncate(5, true, '')", "aaaaa"),
        ("'one two' | wordwrap(3)", "one\ntwo"),
        ("[1, 1] | unique", "[1]"),
        ("[{'a': 1}, {'a': 2}] | join('-', attribute='a')", "1-2"),
        ("'{}-{x:>3}'.format(1, x=2)", "1-  2"),
        ("'{a}'.format_map({'a': 1})", "1"),
        ("'%05.1f' % 2.25", "002.2"),
        ("'-'.join(['a', 'b'])", "a-b"),
        ("'a b'.split() | last", "b"),
        ("'<' | e", "&lt;"),
    ],
)
def test_jinjas_own_filters_still_work(expression: str, text: str) -> None:
    """Filters, methods and operators that are looked at before they run give what they always gave."""
    assert rendered(f"{{{{ {expression} }}}}") == text
