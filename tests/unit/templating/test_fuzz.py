"""Random templates near secrets: output or a fault in our words, nothing else, and no secret in what is shown."""

from __future__ import annotations

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.snapshot import HiddenKey, NeedMore
from syncd.core.templating import TemplateFault, inline_names, render_inline
from syncd.core.templating.builtin import WRAPPED, WRAPPED_TESTS
from tests.unit.templating.rendering import rendering, snapshot, template

SECRETS = {"secrets/a": b"pl4nted-one", "secrets/b": b'{"name": "pl4nted-two"}', "secrets/c": b"pl4nted\xff"}
PLANTED = ("pl4nted", "cGw0bnRlZ", "70 6c 34", "706c34")
VARIABLES = {"v": {"l": [1, {"x": "y"}]}, "s": "a-b c", "n": 3}

_PIECES = [
    *(f"{{{{ {expression} }}}}" for expression in ("key('secrets/a')", "key(x)", "v", "x.y", "ls('')", "1/0", "nope")),
    *("{{ key('secrets/a') ", "key('secrets/b')", "secrets/a", "v[", "]", "(", ")", "|", "~", ".", "'", '"', ",", "="),
    *("{{", "}}", "{%", "%}", "{#", "#}", "-%}", "{%-", "\n", " ", "0", "-1", "99999999999", "is", "not", "in", "if"),
    *("{% for x in ", "{% endfor %}", "{% set x = ", "{% if ", "{% endif %}", "{% else %}", "{% macro m(a) %}"),
    *(
        "{% endmacro %}",
        "m(",
        "{% include ",
        "{% import ",
        " as x %}",
        "{% extends ",
        "{% block b %}",
        "{% endblock %}",
    ),
    *("fromjson", "tojson", "toyaml", "totoml", "b64encode", "b64decode", "sha256", "hostport", "envquote", "map"),
    *("regex_replace('(', '')", "format", "attr", "first", "sort", "join", "**", "*", "//", "%", "+", "{% raw %}"),
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(_PIECES), st.text(string.printable, max_size=6)), max_size=14).map("".join))
def test_any_text_is_a_template_or_a_fault(source: str) -> None:
    """Random templates give output or a fault with file and line; no other error, and no secret in it."""
    _holds_what_is_promised(source)


def _holds_what_is_promised(source: str) -> None:
    try:
        made = rendering(source, snapshot(SECRETS), variables=VARIABLES)
    except (NeedMore, HiddenKey):
        return
    assert (made.content is None) == (made.fault is not None)
    assert b" at 0x" not in (made.content or b"")
    if made.fault is not None:
        assert made.fault.startswith("t/")
        assert "\n" not in made.fault
        assert not any(secret in made.fault for secret in PLANTED)
    if made.masked is not None:
        assert not any(secret in made.masked for secret in PLANTED)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=10).map("".join))
def test_any_text_can_be_scanned(source: str) -> None:
    """Looking through a template never fails, whatever it is."""
    file = template(source)
    file.needs()
    for found in file.check():
        assert str(found.fault()).startswith("t/")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(_PIECES), st.text(string.printable, max_size=6)), max_size=10).map("".join))
def test_any_text_is_an_inline_template_or_a_fault(source: str) -> None:
    """The same for templates of one line in the configuration."""
    for call in (
        lambda: render_inline(source, {"v": "pl4nted-one", "x": "pl4nted-two"}, name="NAME"),
        lambda: inline_names(source, name="NAME"),
    ):
        try:
            call()
        except TemplateFault as error:
            said = str(error)
        else:
            continue
        assert said.startswith("NAME:")
        assert "pl4nted" not in said


_SECRET = ("key('secrets/a')", "(key('secrets/b') | fromjson)", "key_bytes('secrets/c')", "ls('secrets')", "tree('')")
_PLAIN = ("v", "s", "n", "v.l", "'x'", "''", "-1", "0", "2.5", "none", "true", "[]", "{}", "nope", "key", "range(4)")
_LEAVES = st.sampled_from((*_SECRET, *_PLAIN))
_FILTERS = st.sampled_from(sorted(WRAPPED))
_TESTS = st.sampled_from(sorted(name for name in WRAPPED_TESTS if name.isalpha()))
_OPERATORS = st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "~", "==", "<", "in", "and", "or"])
_METHODS = st.sampled_from(["format", "join", "replace", "split", "upper", "encode", "decode", "index", "get", "items"])


def _larger(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(part, _FILTERS).map(lambda p: f"({p[0]} | {p[1]})"),
        st.tuples(part, _FILTERS, part).map(lambda p: f"({p[0]} | {p[1]}({p[2]}))"),
        st.tuples(part, _FILTERS, part, part).map(lambda p: f"({p[0]} | {p[1]}({p[2]}, {p[3]}))"),
        st.tuples(part, _FILTERS, part).map(lambda p: f"({p[0]} | map('{p[1]}', {p[2]}))"),
        st.tuples(part, _TESTS).map(lambda p: f"({p[0]} is {p[1]})"),
        st.tuples(part, _OPERATORS, part).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.tuples(part, part).map(lambda p: f"{p[0]}[{p[1]}]"),
        st.tuples(part, part).map(lambda p: f"[{p[0]}, {p[1]}]"),
        st.tuples(part, part).map(lambda p: f"{{{p[0]}: {p[1]}}}"),
        st.tuples(part, _METHODS, part).map(lambda p: f"{p[0]}.{p[1]}({p[2]})"),
        part.map(lambda p: f"key({p})"),
        part.map(lambda p: f"ls({p})"),
        part.map(lambda p: f"env({p})"),
        part.map(lambda p: f"fail({p})"),
        part.map(lambda p: f"dict(**{p})"),
    )


_EXPRESSIONS = st.recursive(_LEAVES, _larger, max_leaves=8)
_AROUND = st.sampled_from(
    [
        "{{ @ }}",
        "{% for x in @ %}{{ x }}{% endfor %}",
        "{% if @ %}y{% endif %}",
        "{% include @ %}",
        "{% set x = @ %}{{ x.y }}",
    ]
)


@settings(max_examples=600, deadline=None)
@given(st.lists(st.tuples(_AROUND, _EXPRESSIONS).map(lambda p: p[0].replace("@", p[1])), max_size=3).map("\n".join))
def test_expressions_near_secrets(source: str) -> None:
    """Expressions that a template could hold, made of secrets, filters, operators, methods and functions."""
    _holds_what_is_promised(source)
