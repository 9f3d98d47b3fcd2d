"""Templates of one line in the configuration."""

from __future__ import annotations

import pytest

from syncd.core.templating import TemplateFault, inline_names, render_inline


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ GATEWAY }}/v1", "http://g:7000/v1"),
        ("{{ GATEWAY | hostport }}\n", "g:7000\n"),
        ("{{ (JSON | fromjson).a }}", "1"),
        ("{{ '<' ~ GATEWAY ~ '>' }}", "<http://g:7000>"),
        ("{{ NO | default('d') }}", "d"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_inline(source: str, text: str) -> None:
    """Variables and filters; no autoescape, the trailing newline kept."""
    assert render_inline(source, {"GATEWAY": "http://g:7000", "JSON": '{"a": 1}'}, name="X") == text


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ NO }}", "X: 'NO' is not defined"),
        ("a\n{{ NO }}", "X:2: 'NO' is not defined"),
        ("{{ A | fromjson }}", "X: fromjson: is not JSON"),
        ("{{ {}[A] }}", "X: a map has no (computed)"),
        ("{{ key('a') }}", "X: 'key' is not defined"),
        ("{% include 'a' %}", "X: template 'a' is not there"),
        ("{{", "X: syntax: unexpected 'end of template'"),
        ("{{ A * 10 ** 9 }}", "X: makes a value of more than 32 MiB"),
    ],
)
def test_inline_faults(source: str, said: str) -> None:
    """In our words, under the name the operator knows, without a value, and without a chain that holds one."""
    with pytest.raises(TemplateFault) as raised:
        render_inline(source, {"A": "pl4nted"}, name="X")
    assert str(raised.value) == said
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_inline_names() -> None:
    """The variables that a text reads, its own and Jinja2's left out."""
    source = "{{ A }}{{ B | default('') }}{% set c = 1 %}{{ c }}{{ range(2) }}{% for i in D %}{{ i }}{% endfor %}"
    assert inline_names(source, name="X") == {"A", "B", "D"}
    with pytest.raises(TemplateFault, match=r"^X: syntax: "):
        inline_names("{% if %}", name="X")


def test_values_do_not_stay() -> None:
    """One text with two sets of variables gives two results."""
    assert [render_inline("{{ A }}", {"A": value}, name="X") for value in ("1", "2")] == ["1", "2"]
