"""What templates read: keys, folders, services, the environment; and what they ask for."""

from __future__ import annotations

import pytest

from syncd.core.model import Need, RawKey, ServiceUse
from syncd.core.snapshot import HiddenKey, NeedMore, Rules, Snapshot, View, layered
from syncd.core.templating import TemplateFile
from tests.unit.templating.rendering import fault, instance, rendered, rendering, snapshot, template

WEB = (
    instance("web", 1, tags=("v1",), meta={"zone": "a"}),
    instance("web", 2, tags=("v1", "v2"), node="n2"),
    instance("web", 3, status="critical"),
    instance("web", 4, status="warning"),
)
SERVICES = snapshot(services={"db": (), "web": WEB})


def test_key_gives_the_value() -> None:
    """A key's value is written as it is, with the trailing newline of the template kept."""
    assert rendered("{{ key('config/env') }}\n") == "production\n"


@pytest.mark.parametrize("form", ["key('no', default='d')", "key('no', 'd')", "key_bytes('no', default='d')"])
def test_default_serves_a_missing_key(form: str) -> None:
    """A default is given by name or by place, and makes a missing key harmless."""
    assert rendered(f"{{{{ {form} }}}}") == "d"


def test_default_may_be_none() -> None:
    """None is a default like any other."""
    assert rendered("{{ key('no', default=none) is none }}") == "True"


def test_missing_keys_are_all_found_in_one_run() -> None:
    """Every missing key is named with file and line, and no output is made."""
    source = "{{ key('a/b') | upper }}\n{% include 'part.j2' %}{{ key('a/b') }}"
    made = rendering(source, files={"part.j2": "{{ key('c') }}"})
    assert made.content is None
    assert made.missing == ("a/b", "c")
    assert made.fault == "t/main.j2:1: key 'a/b' has no value; t/part.j2:1: key 'c' has no value"


def test_missing_key_decides_nothing() -> None:
    """What depends on a missing key is not looked at: a key that may not be needed is not called missing."""
    source = "{% if key('mode') == 'x' %}{{ key('one') }}{% else %}{{ key('other') }}{% endif %}{{ key('last') }}"
    assert rendering(source).missing == ("mode",)


@pytest.mark.parametrize(
    "use",
    [
        "('x/' ~ key('no'))",
        "('x/' + key('no'))",
        "('x/%s' % key('no'))",
        "'x/{}'.format(key('no'))",
        "('x/%s' | format(key('no')))",
        "(key('no') | fromjson).name",
    ],
)
def test_missing_key_in_a_name_is_the_only_one(use: str) -> None:
    """A name made of a missing key is no second missing key."""
    assert rendering(f"{{{{ key({use}) }}}}").missing == ("no",)


def test_many_missing_keys_are_cut() -> None:
    """The message stays short where hundreds of keys are missing; the list has them all."""
    made = rendering("{% for i in range(100) %}{{ key('k/' ~ i) }}{% endfor %}")
    assert len(made.missing) == 100
    assert made.fault is not None
    assert made.fault.endswith("; and 80 more")


def test_key_exists() -> None:
    """A key's existence can be asked for without a fault."""
    assert rendered("{{ key_exists('config/env') }} {{ key_exists('no') }}") == "True False"


@pytest.mark.parametrize("name", ["/a", "a/", "a//b", "../a", "", "a/*"])
def test_what_is_no_key_is_refused(name: str) -> None:
    """Names that Consul would redirect, and globs, are faults."""
    assert "is not a key" in fault(f"{{{{ key('{name}') }}}}") or "glob" in fault(f"{{{{ key('{name}') }}}}")


@pytest.mark.parametrize("prefix", ["config", "config/"])
def test_ls_and_tree(prefix: str) -> None:
    """`ls` gives direct children, `tree` all below, keys relative and in order, prefix with or without a slash."""
    text = ["domains/api", "domains/frontend", "env", "json"]
    assert rendered(f"{{{{ ls('{prefix}') | list | join(' ') }}}}") == "binary env json"
    assert rendered(f"{{{{ tree('{prefix}') | list | join(' ') }}}}") == " ".join(["binary", *text])
    assert rendered(f"{{{{ ls('{prefix}').env }}}}") == "production"


@pytest.mark.parametrize("top", ["''", "'/'", ""])
def test_ls_of_the_top(top: str) -> None:
    """The top has no direct children here, and all keys below it."""
    assert rendered(f"{{{{ ls({top}) }}}} {{{{ tree({top}) | length }}}}") == "{} 6"


def test_ls_does_not_read_deeper() -> None:
    """A sensitive key further down does not make a file sensitive that lists the folder above it."""
    snap = snapshot({"a": b"1", "b/secrets": b"2", "secrets/x": b"3"})
    assert not rendering("{{ ls('') }}", snap).sensitive
    assert rendering("{{ tree('') }}", snap).sensitive


def test_ls_refuses_a_glob() -> None:
    """A prefix is a folder."""
    assert "is not a folder for ls()" in fault("{{ ls('config/*') }}")


def test_binary_value_needs_key_bytes() -> None:
    """A value that is not UTF-8 is named where it is used as text, and not where its folder is listed."""
    assert fault("\n{{ key('config/binary') }}").startswith(
        "t/main.j2:2: the value of key 'config/binary' is not UTF-8"
    )
    assert "'config/binary' is not UTF-8" in fault("{{ ls('config').binary }}")
    assert "'config/binary' is not UTF-8" in fault("{{ ls('config') }}")
    assert rendered("{{ key_bytes('config/binary') | b64encode }}") == "/wA="
    assert "b64encode" in fault("{{ key_bytes('config/binary') }}")


def test_overlay_is_seen_through() -> None:
    """The environment's overlay wins and is itself invisible."""
    raw = [RawKey(key, value, 1) for key, value in {"a": b"1", "b": b"2", "env/prod/a": b"3"}.items()]
    snap = Snapshot(items=layered(raw, Rules("prod")), covers=frozenset([Need("folder")]))
    assert rendered("{{ tree('') }}", snap) == "{'a': '3', 'b': '2'}"


def test_service_gives_what_passes() -> None:
    """Instances are maps sorted by id; only passing ones unless another state is asked for."""
    assert rendered("{{ service('web') | map(attribute='id') | join(' ') }}", SERVICES) == "web-1 web-2"
    assert rendered("{{ service('web', tag='v2')[0] | tojson }}", SERVICES) == (
        '{"id": "web-2", "name": "web", "address": "10.0.0.2", "port": 8002, "tags": ["v1", "v2"], "meta": {}, '
        '"status": "passing", "node": "n2"}'
    )


@pytest.mark.parametrize(("status", "ids"), [("critical", "3"), ("warning", "4"), ("any", "1 2 3 4")])
def test_service_in_other_states(status: str, ids: str) -> None:
    """Another state, or any, can be asked for."""
    found = rendered(f"{{{{ service('web', status='{status}') | map(attribute='id') | join(' ') }}}}", SERVICES)
    assert found == " ".join(f"web-{number}" for number in ids.split())


def test_service_refuses_an_unknown_state() -> None:
    """A misspelt state is a fault, not an empty list."""
    assert "passing, warning, critical, any" in fault("{{ service('web', status='up') }}", SERVICES)


def test_services_is_the_catalog() -> None:
    """All names with their tags."""
    assert (
        rendered("{{ services() }} {{ services() | list }}", SERVICES)
        == "{'db': [], 'web': ['v1', 'v2']} ['db', 'web']"
    )


def test_service_uses_are_told() -> None:
    """Each question is told with how many instances it got, so that a target can be held when they vanish."""
    source = "{{ service('web') }}{{ service('web', tag='v9', status='any', allow_empty=True) }}{{ service('db') }}"
    assert rendering(source, SERVICES).services == (
        ServiceUse("db", 0),
        ServiceUse("web", 2),
        ServiceUse("web, tag v9, any", 0, allow_empty=True),
    )


def test_one_strict_use_of_a_service_holds() -> None:
    """Where one question allows nothing and the same one elsewhere does not, it is not allowed."""
    source = "{{ service('db', allow_empty=True) }}{{ service('db') }}"
    assert rendering(source, SERVICES).services == (ServiceUse("db", 0),)


def test_source_without_services() -> None:
    """A key export holds no services: asking for them is a fault in the source's words, with the line."""
    snap = snapshot(no_services="the export holds no services")
    assert fault("\n{{ service('web') }}", snap) == "t/main.j2:2: the export holds no services"


def test_env() -> None:
    """The environment can be read, with a default; what is not set is a fault."""
    assert rendered("{{ env('A') }}{{ env('B', default='-') }}", env={"A": "x"}) == "x-"
    assert fault("{{ env('B') }}").startswith("t/main.j2:1: the environment variable 'B' is not set")


def test_vars_at_top_level_and_in_imports() -> None:
    """The target's vars are seen everywhere, functions too, without `with context`."""
    files = {"m.j2": "{% macro f() %}{{ listen }} {{ key('config/env') }}{% endmacro %}"}
    source = "{{ listen + 1 }} {% import 'm.j2' as m %}{{ m.f() }}{% from 'm.j2' import f %} {{ f() }}"
    assert rendered(source, files=files, variables={"listen": 7000}) == "7001 7000 production 7000 production"


def test_imports_are_made_anew() -> None:
    """A value that an imported template has set is not kept for the next rendering."""
    file = template("{% import 'm.j2' as m %}{{ m.x }}", files={"m.j2": "{% set x = key('a') %}"})
    for value in (b"1", b"2"):
        snap = snapshot({"a": value})
        assert file.render(View(snap), View(snap, mask=True)).content == value


def test_fail_ends_the_rendering() -> None:
    """A template can refuse what it gets, in its own words."""
    assert fault("\n{% if true %}{{ fail('no url\nhere') }}{% endif %}") == "t/main.j2:2: no url here"


def test_fail_shows_no_sensitive_value() -> None:
    """The message is the masked rendering's where a sensitive value was read, and none where that one goes on."""
    assert fault("{{ fail('bad ' ~ key('secrets/db')) }}") == "t/main.j2:1: bad «secrets/db»"
    said = fault("{% if key('secrets/db') == 's3cr3t' %}{{ fail('it is ' ~ key('secrets/db')) }}{% endif %}")
    assert said.startswith("t/main.j2:1: fail() was called")
    assert "s3cr3t" not in said


def test_constant_names_are_known_before() -> None:
    """What is read by constant names is known without rendering, includes and imports followed, faults ignored."""
    files = {
        "a.j2": "{{ tree(prefix='y/') }}{% include 'main.j2' %}",
        "b.j2": "{% extends 'c.j2' %}{{ service(name='s') }}",
        "c.j2": "{{ services() }}{{ key('//') }}{% if %}",
    }
    source = (
        "{{ key('a') }}{{ key_exists(path='b') }}{{ key_bytes('c') }}{{ ls('x') }}{{ key('d' ~ x) }}"
        "{% include ['no.j2', 'a.j2'] %}{% import 'b.j2' as b %}"
    )
    needs = {("key", "a"), ("key", "b"), ("key", "c"), ("folder", "x/"), ("folder", "y/"), ("service", "s")}
    assert {(need.kind, need.name) for need in template(source, files).needs()} == needs


def test_needs_follow_an_edit() -> None:
    """An edited include is looked through again."""
    files = {"t/main.j2": "{% include 'a.j2' %}", "t/a.j2": "{{ key('a') }}"}
    file = TemplateFile("t/main.j2", files.get, {}, {})
    assert file.needs() == {Need("key", "a")}
    files["t/a.j2"] = "{{ key('b') }}"
    assert file.needs() == {Need("key", "b")}


def test_all_further_needs_are_asked_for_at_once() -> None:
    """What is not covered is collected over the whole rendering, as far as nothing depends on it."""
    snap = Snapshot()
    with pytest.raises(NeedMore) as raised:
        rendering("{% for i in range(3) %}{{ key('k' ~ i) }}{{ ls('f' ~ i) }}{% endfor %}{{ service('s' ~ 1) }}", snap)
    asked = {(need.kind, need.name) for need in raised.value.needs}
    assert asked == {("key", f"k{i}") for i in range(3)} | {("folder", f"f{i}/") for i in range(3)} | {
        ("service", "s1")
    }


def test_a_need_hides_later_faults() -> None:
    """What fails after a need may fail for its sake: first it is read."""
    with pytest.raises(NeedMore):
        rendering("{{ key('a') }}{{ 1 / 0 }}", Snapshot())


def test_hidden_key_is_passed_on() -> None:
    """A key that the source keeps from us is for the engine to judge."""
    with pytest.raises(HiddenKey):
        rendering("{{ key('no') }}{{ key('h') }}", snapshot(hidden=frozenset(["h"])))


def test_what_is_read_is_recorded() -> None:
    """The view knows afterwards what to watch."""
    snap = snapshot()
    view = View(snap)
    template("{{ key('config/env') }}{{ key('no', '') }}{{ ls('config') | length }}").render(
        view, View(snap, mask=True)
    )
    assert view.reads == {Need("key", "config/env"), Need("key", "no"), Need("folder", "config/")}
