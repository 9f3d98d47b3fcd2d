"""`${VAR}`: what it gives, what is a fault, and that it never adds structure or shows a value."""

from pathlib import Path

import pytest

from tests.unit.config.kinds import MINIMUM, faults, loaded, rest

ENV = {"NAME": "blue", "EMPTY": "", "PORT": "7000", "YAML": "a: [1, 2]\n- b", "BAD": "\udcff", "TOKEN": "t0p-secret"}
EXPANSIONS = {
    "${NAME}": "blue",
    "a-${NAME}-${PORT}-z": "a-blue-7000-z",
    "${EMPTY}x": "x",
    "${EMPTY:-d}": "d",
    "${NONE:-}x": "x",
    "${NONE:-a b:-c}": "a b:-c",
    "${NAME:-d}": "blue",
    "${NAME:?why}": "blue",
    "$${NAME}": "${NAME}",
    "$$${NAME}": "$${NAME}",
    "$NAME $ {x} $(y)": "$NAME $ {x} $(y)",
}


@pytest.mark.parametrize("text", EXPANSIONS)
def test_expansion(tmp_path: Path, text: str) -> None:
    """Every form of contract.md §2, in quotes or not."""
    for scalar in (text, f"'{text}'"):
        config = loaded(tmp_path, MINIMUM + f"state_dir: {scalar}\n", ENV).config
        assert config.state_dir == EXPANSIONS[text]


def test_a_value_never_adds_structure(tmp_path: Path) -> None:
    """A variable that holds YAML is text."""
    assert loaded(tmp_path, MINIMUM + "state_dir: ${YAML}\n", ENV).config.state_dir == ENV["YAML"]


def test_a_whole_scalar_fills_a_number(tmp_path: Path) -> None:
    """An expansion is text, and text that is a number or a boolean serves where one is wanted."""
    environ = {"N": "7", "B": "true", "D": "20s"}
    config = loaded(
        tmp_path, MINIMUM + "limits: {min_entries: '${N}', allow_empty: '${B}'}\nconsul: {wait: '${D}'}\n", environ
    ).config
    assert (config.limits.min_entries, config.limits.allow_empty, config.consul.wait) == (7, True, 20.0)


def test_faults(tmp_path: Path) -> None:
    """Unset, required and malformed ones are all found, each at its place."""
    content = MINIMUM + (
        "state_dir: ${NONE}\n"
        "environment: ${EMPTY:?say where}\n"
        "owner_was: ['${1X}', 'a ${', '${A-b}', '${A:-${NAME}}', '${BAD}', '${A:?}']\n"
    )
    form = "has a ${ that is not ${NAME}, ${NAME:-default} or ${NAME:?message}; write $${ for a plain ${"
    assert faults(tmp_path, content, ENV) == [
        "config.yaml:4:12: state_dir: '${NONE}' is not set; set NONE, or write ${NONE:-default}",
        "config.yaml:5:14: environment: '${EMPTY}' has no value: say where; set EMPTY",
        f"config.yaml:6:13: owner_was.0: {form}",
        f"config.yaml:6:22: owner_was.1: {form}",
        f"config.yaml:6:30: owner_was.2: {form}",
        f"config.yaml:6:40: owner_was.3: {form}",
        "config.yaml:6:57: owner_was.4: '${BAD}' is not UTF-8; set BAD to text",
        "config.yaml:6:67: owner_was.5: '${A}' has no value: it is required; set A",
    ]


def test_faults_show_the_text_and_not_the_value(tmp_path: Path) -> None:
    """What a variable holds is in no fault, not even where a validator quotes it."""
    found = rest(
        tmp_path, "consul: {address: 'x://${TOKEN}', wait: '${TOKEN}'}\nlimits: {min_entries: '${TOKEN}'}\n", ENV
    )
    assert found == [
        "consul.address: 'x://${TOKEN}' is not an address; write http://HOST:PORT, https://HOST:PORT or unix:///PATH",
        "consul.wait: '${TOKEN}' is not a duration; write a number with a unit, such as 50ms, 10s, 5m or 2h",
        "limits.min_entries: '${TOKEN}' is not a whole number; write one such as 5",
    ]
    content = "version: 1\nowner: me\ntargets:\n  a: {kind: pairs, space: 'dev${TOKEN}'}\n"
    assert faults(tmp_path, content, ENV) == [
        "config.yaml:4:3: targets.a: must not write to dev${TOKEN}; name another space"
    ]


def test_offline(tmp_path: Path) -> None:
    """What is not set is a warning; what cannot be built without it is left out, the rest is checked."""
    content = """
        version: 1
        owner: ${OWNER}
        environment: ${ENVIRONMENT}
        limits: {min_entries: "${N:?how many}"}
        targets:
          a: {kind: pairs, space: "${SPACE}", limit: "${LIMIT}"}
          b: {kind: file, path: "${PATH_B}", mode: "${MODE}", reload: "${R}", template: "${T}.j2"}
          c: {kind: "${KIND}", path: c}
          d: {kind: pairs, space: "dev-${SPACE}"}
        """
    result = loaded(tmp_path, content, offline=True)
    assert list(result.config.targets) == ["a", "b"]
    assert result.config.limits.min_entries == 5
    assert result.config.targets["a"].model_dump()["space"] == "${SPACE}"
    words = [str(one).split(": ", 1)[1] for one in result.warnings]
    assert "limits.min_entries: '${N}' has no value: how many; set N" in words
    assert "targets.a.limit: '${LIMIT}' is not set; set LIMIT, or write ${LIMIT:-default}" in words
    assert "targets.d: is not checked further: variables that it needs are not set" in words
    assert len(words) == 11 + 1


def test_offline_keeps_other_faults(tmp_path: Path) -> None:
    """Offline forgives variables only; where nothing can be built without them, they are faults."""
    assert faults(tmp_path, MINIMUM + "state_dir: ${A}\nhttp: 5\n", offline=True) == [
        "config.yaml:5:7: http: '5' is not a mapping; write KEY: VALUE lines below it"
    ]
    assert faults(tmp_path, "version: ${V}\nowner: me\ntargets: {}\n", offline=True) == [
        "config.yaml:1:10: version: '${V}' is not set; set V, or write ${V:-default}"
    ]
