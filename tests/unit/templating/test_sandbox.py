"""What a template cannot do: reach out of the sandbox, or make much out of little."""

from __future__ import annotations

import resource

import pytest

from syncd.core.templating import meter
from tests.unit.templating.rendering import fault, rendered, rendering

BIG = "10 ** 9"


@pytest.mark.parametrize(
    "expression",
    [
        "''.__class__.__mro__",
        "''['__class__']",
        "'' | attr('__class__')",
        "key.__globals__",
        "key.__self__",
        "cycler.__init__.__globals__",
        "namespace.__init__",
        "self.__init__",
        "self._TemplateReference__context",
        "range.__self__",
        "(key | string)",
        "'{0.__class__}'.format(1)",
        "'{0.__class__}'.format_map({'0': 1})",
        "[''] | map(attribute='__class__')",
        "[''] | map('attr', '__class__') | list",
        "[1].append(2)",
        "{}.update({})",
        "[1].clear()",
        "open('/etc/passwd')",
        "__import__('os')",
        "().__class__",
        "(1).to_bytes(9999999999, 'big')",
        "'x'.translate({120: 'y'})",
        "lipsum()",
        "[1] | random",
        "config",
        "environment",
        "key",
        "namespace(a=1)",
        "[key]",
        "key ~ ''",
        "'%s' % key",
        "'{}'.format(key)",
        "[key] | join",
        "key | upper",
        "{'a': 1}.keys()",
        "range(3)",
        "self",
        "key_bytes('config/env')",
    ],
)
def test_reaching_out_is_refused(expression: str) -> None:
    """Attributes, builtins, files, functions as text: a fault with its line, and no address in any output."""
    said = fault("\n{{ " + expression + " }}")
    assert said.startswith("t/main.j2:2: ")
    assert " at 0x" not in said


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * " + BIG + " }}",
        "{{ " + BIG + " * [1] }}",
        "{{ 9 ** 999999999 }}",
        "{{ (9 ** 9999) * (9 ** 99999) }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%*d' % (1000000000, 1) }}",
        "{{ '%.1000000000f' % 1 }}",
        "{{ '{:>1000000000}'.format(1) }}",
        "{{ '{:>{}}'.format(1, 1000000000) }}",
        "{{ 'x' | center(" + BIG + ") }}",
        "{{ 'x'.ljust(" + BIG + ") }}",
        "{{ 'x'.zfill(" + BIG + ") }}",
        "{{ 'x\ny' | indent(" + BIG + ") }}",
        "{{ ('\n' * 10 ** 6) | indent(900, blank=true) }}",
        "{{ [1] | batch(" + BIG + ", 0) }}",
        "{{ [1] | slice(" + BIG + ") }}",
        "{{ [1] | tojson(indent=" + BIG + ") }}",
        "{{ 1 | round(" + BIG + ", 'floor') }}",
        "{{ range(" + BIG + ") }}",
        "{{ ('a' * 10 ** 6) | replace('a', 'b' * 10 ** 6) }}",
        "{{ ('a' * 10 ** 6).replace('a', 'b' * 10 ** 6) }}",
        "{{ ('a' * 10 ** 6) | regex_replace('a', 'b' * 10 ** 6) }}",
        "{{ ('\t' * 10 ** 6).expandtabs(10 ** 6) }}",
        "{{ ('x' * 10 ** 6).join(['a'] * 10 ** 6) }}",
        "{{ (['a'] * 10 ** 6) | join('x' * 10 ** 6) }}",
        "{{ ('a ' * 10 ** 6) | wordwrap(1, true, 'x' * 1000) }}",
        "{{ [['a'] * 10 ** 6] * 10 ** 6 }}",
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
        "{% set x %}{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}{% endset %}",
        "{% for i in range(40000) %}{{ 'x' * 1000 }}{% endfor %}",
        "{% set ns.x = [] %}{% for i in range(99999) %}{% set ns.x = ns.x + ['x' * 10 ** 6 ~ i] %}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% include 'main.j2' %}",
        "{% extends 'main.j2' %}",
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{ " + "9" * 5000 + " }}",
        "{{ 10 ** 5000 }}",
    ],
)
def test_making_much_is_refused(source: str) -> None:
    """A few characters cannot fill the memory, nor keep the processor in a step that no signal ends."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert fault("{% set ns = namespace() %}" + source).startswith("t/main.j2:")
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 900 * 1024


@pytest.mark.parametrize(
    ("start", "step"),
    [
        ("'xx'", "{% set ns.x = ns.x ~ ns.x %}"),
        ("'xx'", "{% set ns.x = ns.x + ns.x %}"),
        ("'xx'", "{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}"),
        ("'xx'", "{% set ns.x = '{0}{0}'.format(ns.x) %}"),
        ("'xx'", "{% set ns.x = '%s%s' % (ns.x, ns.x) %}"),
        ("[1]", "{% set ns.x = ns.x + ns.x %}"),
        ("[1]", "{% set ns.x = [ns.x, ns.x] %}"),
        ("[1]", "{% set ns.x = (ns.x, ns.x) %}"),
        ("1", "{% set ns.x = dict(a=ns.x, b=ns.x) %}"),
        ("1", "{% set ns.x = {'a': ns.x, 'b': ns.x} %}"),
        ("[1]", "{% set ns.x = (ns.x + ns.x) | batch(2) | list %}"),
        ("[1]", "{% set ns.x = (ns.x + ns.x) | slice(1) | list %}"),
        ("1", "{% macro m() %}{% set ns.x = varargs %}{% endmacro %}{% set _ = m(ns.x, ns.x) %}"),
    ],
)
def test_doubling_is_refused(start: str, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What doubles at each of 60 steps is stopped early, whatever it is made of."""
    monkeypatch.setattr(meter, "NODES_MAX", 10_000)  # the real limit costs a second of each of these
    source = "{% set ns = namespace(x=" + start + ") %}{% for i in range(60) %}" + step + "{% endfor %}"
    assert fault(source).startswith("t/main.j2:1: ")


def test_the_real_limit_of_elements() -> None:
    """Structures that double cannot be compared or printed for ever: they cannot be built."""
    source = "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}"
    assert "more than 1,000,000 elements" in fault(source)


def test_large_but_honest_work_is_done() -> None:
    """10,000 lines, 20 MiB of output, a list grown line by line: no limit is near."""
    source = (
        "{% set ns = namespace(l=[]) %}{% for i in range(10000) %}{% set ns.l = ns.l + [{'n': i}] %}{% endfor %}"
        "{% for one in ns.l %}{{ one.n }}: {{ 'x' * 2000 }}\n{% endfor %}"
    )
    assert len(rendered(source)) > 20_000_000


def test_output_of_just_32_mib() -> None:
    """The limit itself may be written; it is bytes that count."""
    assert len(rendered("{% for i in range(32) %}{{ 'x' * 1048576 }}{% endfor %}")) == 32 * 1024 * 1024
    assert "larger than 32 MiB" in fault("{% for i in range(17) %}{{ 'ü' * 1048576 }}{% endfor %}")


def test_the_limits_start_anew() -> None:
    """What one rendering used up does not count for the next one."""
    source = "{% for i in range(30) %}{% set x = 'x' * 10 ** 7 %}{% endfor %}ok"
    assert [rendered(source) for _ in range(3)] == ["ok"] * 3


@pytest.mark.parametrize("name", ["../x.j2", "/etc/passwd", "a/../../x", "..", "", "."])
def test_includes_stay_in_the_folder(name: str) -> None:
    """What is included is beside the template or below."""
    assert "outside of the template's folder" in fault("{% include '" + name + "' %}")


def test_includes_are_relative_to_the_template() -> None:
    """The folder is the target's template's, also for what a template in a subfolder includes."""
    files = {"a/b.j2": "{% include 'a/c.j2' %}", "a/c.j2": "c{{ v }}"}
    made = rendering("{% include './a/b.j2' %}", files=files, variables={"v": 1})
    assert made.content == b"c1"
    assert sorted(made.templates) == ["t/a/b.j2", "t/a/c.j2", "t/main.j2"]


def test_same_input_same_bytes() -> None:
    """Two renderings of one template, and of a fresh one, give the same."""
    source = "{% for k, v in tree('config/domains') | dictsort %}{{ k }}={{ v }}\n{% endfor %}{{ [1] | map('string') }}"
    assert len({rendered(source) for _ in range(3)}) == 1
