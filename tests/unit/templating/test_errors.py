"""Faults: file, line and reason in our own words, never a value, never a traceback."""

from __future__ import annotations

import pytest

from tests.unit.templating.rendering import fault, rendering, snapshot, template

SECRETS = {"secrets/a": b"pl4nted-one", "secrets/b": b'{"name": "pl4nted-two"}', "secrets/c": b"pl4nted\xff"}
PLANTED = ("pl4nted", "cGw0bnRlZ")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ nope }}", "'nope' is not defined"),
        ("{{ v.nope }}", "a map has no 'nope'"),
        ("{{ v['nope'] }}", "a map has no 'nope'"),
        ("{{ v.l[7] }}", "a list has no such element"),
        ("{{ 'x'.nope }}", "a text has no 'nope'"),
        ("{{ nope.x }}", "'nope' is not defined"),
        ("{{ nope() }}", "'nope' is not defined"),
        ("{% if nope %}{% endif %}", "'nope' is not defined"),
        ("{% for x in nope %}{% endfor %}", "'nope' is not defined"),
        ("{{ nope ~ 'x' }}", "'nope' is not defined"),
        ("{{ key(nope) }}", "'nope' is not defined"),
        ("{{ [] | first }}", "an empty list has no first item"),
        ("{{ [] | max }}", "an empty list has no smallest or largest item"),
        ("{{ v.__class__ }}", "a map has '__class__', which a template may not use"),
        ("{{ 1 / 0 }}", "divides by zero"),
        ("{{ 1 + 'x' }}", "uses a value of the wrong type, or a function with the wrong arguments"),
        ("{{ key() }}", "uses a value of the wrong type, or a function with the wrong arguments"),
        ("{{ key(1) }}", "a key is text, not a number"),
        ("{{ 'a'.index('b') }}", "uses a value that is not what is needed there"),
        ("{% include 'no.j2' %}", "template 't/no.j2' is not there"),
        ("{% include ['no.j2', 'nor.j2'] %}", "none of the templates to choose from is there"),
        ("{% import 'no.j2' as n %}", "template 't/no.j2' is not there"),
        ("{% if x %}", "syntax: Unexpected end of template."),
        ("{{ 1 | nope }}", "syntax: No filter named 'nope'."),
        ("{{ [1] | map('nope') }}", "there is no filter 'nope'"),
        ("{{ none.x }}", "none has no 'x'"),
    ],
)
def test_faults_name_line_and_reason(source: str, said: str) -> None:
    """Each kind of mistake, in words of our own, at its line."""
    told = fault("\n\n" + source, variables={"v": {"l": [1]}, "x": 1})
    assert told.startswith(f"t/main.j2:3: {said}")


def test_fault_of_the_output_as_a_whole() -> None:
    """What no line is to blame for names the file only."""
    assert fault("\n{{ '\\ud800' }}") == "t/main.j2: the output holds a lone surrogate, which UTF-8 cannot"


def test_fault_in_an_include_names_the_include() -> None:
    """The innermost template is the one to look at."""
    files = {"p.j2": "\n\n{{ nope }}", "m.j2": "\n{% macro f() %}{{ 1 / 0 }}{% endmacro %}", "s.j2": "\n{% if %}"}
    assert fault("{% include 'p.j2' %}", files=files) == "t/p.j2:3: 'nope' is not defined"
    assert fault("{% import 'm.j2' as m %}\n{{ m.f() }}", files=files) == "t/m.j2:2: divides by zero"
    assert fault("{% include 's.j2' %}", files=files).startswith("t/s.j2:2: syntax: ")


def test_missing_template_itself() -> None:
    """A template that is gone at rendering time is a fault of its own."""
    assert fault("{% include 'x' %}", files={}) == "t/main.j2:1: template 't/x' is not there"


@pytest.mark.parametrize(
    "source",
    [
        "{{ v[key('secrets/a')] }}",
        "{{ v | attr(key('secrets/a')) }}",
        "{{ [1] | map(key('secrets/a')) }}",
        "{{ [1] | map(attribute=key('secrets/a')) }}",
        "{{ key('secrets/a') | fromjson }}",
        "{{ key('secrets/a') | int + key('secrets/a') }}",
        "{{ key('x/' ~ key('secrets/a')) }}",
        "{{ ls('/' ~ key('secrets/a') ~ '/*') }}",
        "{{ key(key('secrets/a') ~ '/') }}",
        "{{ env(key('secrets/a')) }}",
        "{{ service('x', status=key('secrets/a')) }}",
        "{% include key('secrets/a') %}",
        "{% include '../' ~ key('secrets/a') %}",
        "{% import key('secrets/a') as x %}",
        "{{ fail('x' ~ key('secrets/a')) }}",
        "{{ (key('secrets/b') | fromjson)[key('secrets/a')] }}",
        "{{ (key('secrets/b') | fromjson).nope }}",
        "{{ key('secrets/c') }}",
        "{{ key('secrets/a').nope }}",
        "{{ key('secrets/a')() }}",
        "{{ key('secrets/a') % 1 }}",
        "{{ key('secrets/a').format(1) ~ '{}'.format() }}",
        "{{ '{x}'.format_map({key('secrets/a'): 1}) }}",
        "{{ key('secrets/a') | regex_replace(key('secrets/a') ~ '(') }}",
        "{{ key('secrets/a') | hostport }}",
        "{{ key('secrets/a') | b64encode ~ nope }}",
        "{{ key('secrets/a') | envquote(key('secrets/a')) }}",
        "{% set x = key('secrets/a') %}{{ x.y.z }}",
        "{{ {}[key('secrets/a')].x }}",
        "{{ range(key('secrets/a')) }}",
        "{{ key_bytes('secrets/a').decode('nope' ~ key('secrets/a')) ~ key_bytes('secrets/c').decode() }}",
        "{{ dict(**{key('secrets/a'): 1}).nope }}",
        "{{ key(**{key('secrets/a'): 1}) }}",
    ],
)
def test_faults_show_no_sensitive_value(source: str) -> None:
    """However a secret gets near to a fault, it is not in it, nor in the list of missing keys or the masked text."""
    made = rendering(source, snapshot(SECRETS), variables={"v": {}})
    assert made.fault is not None
    assert made.fault.startswith("t/main.j2")
    for part in (made.fault, *made.missing, made.masked or ""):
        assert not any(secret in part for secret in PLANTED)


def test_computed_names_are_shown_where_nothing_is_sensitive() -> None:
    """A name that is computed from what may be seen is part of the message."""
    assert fault("{{ key('x/' ~ 'y') }}") == "t/main.j2:1: key 'x/y' has no value"
    made = rendering("{{ key('secrets/db') }}{% for n in ['p', 'q'] %}{{ key(n ~ '/url') }}{% endfor %}")
    assert made.missing == ("p/url", "q/url")


def test_check_finds_everything_at_once() -> None:
    """Faults in the template and in what it includes, each with its line; what a template asks about is no fault."""
    files = {"a.j2": "\n{{ key('/x') }}{{ 1 | nope }}{{ undefined_here_may_come_from_outside }}", "b.j2": "{% if %}"}
    source = (
        "{% include 'a.j2' %}{% include 'b.j2' %}{% include 'no.j2' %}{% include 'no.j2' ignore missing %}\n"
        "{% include '../x' %}{{ ls('a*') }}{{ 1 is nope }}"
    )
    assert [(found.file, found.line) for found in template(source, files).check()] == [
        ("t/a.j2", 2),
        ("t/a.j2", 2),
        ("t/b.j2", 1),
        ("t/main.j2", 1),
        ("t/main.j2", 2),
        ("t/main.j2", 2),
        ("t/main.j2", 2),
    ]


def test_check_finds_undefined_variables() -> None:
    """A name that nothing can define is a fault; vars, functions, loop variables and asked-for names are not."""
    source = (
        "{{ v }}{{ key('a') }}{% for i in range(2) %}{{ i }}{{ loop.index }}{% endfor %}{% set s = 1 %}{{ s }}\n"
        "{% if maybe is defined %}{{ maybe }}{% endif %}{{ other | default('') }}\n{{ lsten }}"
    )
    found = template(source, variables={"v": 1}).check()
    assert [str(one) for one in found] == ["t/main.j2:3: 'lsten' is not defined; add it to the target's vars"]
    assert template("{% block b twice %}{% endblock %}").check()[0].line == 1


def test_check_of_a_template_that_is_not_there() -> None:
    """The template itself may be missing."""
    file = template("")
    file.path = "t/gone.j2"
    assert [(found.file, found.line) for found in file.check()] == [("t/gone.j2", 0)]
