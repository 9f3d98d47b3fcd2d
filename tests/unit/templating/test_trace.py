"""Which line of a template wrote each line of the output, and what the values on a line are made from."""

from __future__ import annotations

import pytest

from syncd.core.snapshot import View
from syncd.core.templating.trace import Trace
from tests.unit.templating.rendering import rendered, snapshot, template


def trace(source: str, **files: str) -> Trace:
    """Return the trace of a template."""
    snap = snapshot()
    return template(source, files).trace(View(snap), View(snap, mask=True))[0]


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("a\nb\nc", [1, 2, 3]),
        ("{% set x = 1 -%}\n\n# a\nb {{ x }} c\nd\n", [3, 4, 5]),
        ("{% for i in (1, 2) %}\n  {{ i }}\n  end\n{% endfor %}\nlast\n", [1, 2, 3, 4, 2, 3, 4, 5]),
        ("{% for i in (1, 2) -%}\nx {{ i }}\n{% endfor -%}\nz", [2, 2, 4]),
        ("a\n{# several\nlines #}\nb\n{{ 1 }}\n{#- x\n#}c\n", [1, 2, 4, 5]),
        ("{{ 'v\\nw' }}\nz\n", [1, 1, 2]),
        ("{% if true %}\r\na\r\n{% endif %}\r\nb", [1, 2, 3, 4]),
    ],
)
def test_each_line_of_the_output_has_its_line_of_the_template(source: str, lines: list[int]) -> None:
    """Stripped white space, loops, comments, values of several lines and foreign line breaks."""
    found = trace(source)
    assert [line for line, text, _ in found.lines if text.strip()] == [
        line for line, text in zip(lines, rendered(source).split("\n"), strict=False) if text.strip()
    ]
    assert "\n".join(text for _, text, _ in found.lines).rstrip() == rendered(source).rstrip()


def test_a_line_knows_where_its_loops_stood() -> None:
    """Loops in loops too; outside of them and after them nothing is known."""
    source = (
        "{% set z = 'z' %}{% for a in 'xy' %}{% for b in 'vw' %}{{ a }}{{ b }}\n{% endfor %}{% endfor %}end {{ z }}\n"
    )
    found = {text: at for _, text, at in trace(source).lines}
    assert [found[text] for text in ("xv", "yw", "end z")] == [{"x", "v"}, {"y", "w"}, set()]


def test_a_read_knows_what_called_it() -> None:
    """The line of the macro first, then the line of the template; each read once per place."""
    source = "{% import 'm.j2' as m %}\n{{ m.get('api') }}\n{% include 'i.j2' %}\n"
    found = trace(
        source,
        **{
            "m.j2": "\n{% macro get(n) %}{{ key('config/domains/' ~ n) }}{% endmacro %}",
            "i.j2": "{{ key('config/env') }}",
        },
    )
    assert {read.name: read.places for read in found.reads} == {
        "config/domains/api": (("t/m.j2", 2), ("t/main.j2", 2)),
        "config/env": (("t/i.j2", 1), ("t/main.j2", 3)),
    }


def test_what_a_line_is_made_from() -> None:
    """`set` and `for` are followed, attributes of a namespace too; a loop of two that use each other ends."""
    source = "{% set a = 1 %}\n{% set b = a %}\n{% set ns = namespace(x=b) %}\n{% set ns.x = c %}\n{% set c = ns.x %}\n"
    source += "{{ ns.x }}\n{% for d, e in [(a, a)] %}\n{{ e }}\n{% endfor %}\nplain\n"
    behind = template(source).lines_behind()
    assert behind(6) == {1, 2, 3, 4, 5, 6}
    assert behind(8) == {1, 7, 8}
    assert behind(10) == {10}


def test_a_rendering_that_fails_keeps_what_it_read() -> None:
    """Reads until the fault are told, lines are not."""
    found = trace("{{ key('config/env') }}{{ fail('no') }}{{ key('config/json') }}")
    assert [read.name for read in found.reads] == ["config/env"]
    assert found.lines == ()
