"""Each dialect by its real reader: what is written is read back to the byte."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncd.core.dotenv import DIALECTS, CannotHold, Dialect, encode
from tests.support.binaries import missing

from .nasty import NASTY, held_by
from .readers import by_compose, by_docker, by_python_dotenv, by_shell, by_systemd
from .systemd_rules import by_documented_rules

Read = Callable[[str, Path], dict[str, str]]

SHELLS = [["dash"], ["bash"], ["bash", "--posix"]]
_SPECIAL = st.sampled_from("'\"\\$#`\n\r\t ~!{}=;&|*()<>nrx0é\u00a0\x85😀")
_VALUES = st.lists(
    st.text(_SPECIAL | st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12), max_size=60
)
_on_real_readers = settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def written(dialect: Dialect, variables: dict[str, str]) -> str:
    """Return the file that holds them."""
    return "".join(encode(dialect, name, value) + "\n" for name, value in variables.items())


def holdable(dialect: Dialect, values: list[str]) -> dict[str, str]:
    """Return those of the values that the dialect does not refuse, by name."""
    held = {}
    for number, value in enumerate(values):
        try:
            encode(dialect, f"V{number}", value)
        except CannotHold:
            continue
        held[f"V{number}"] = value
    return held


def assert_reads_back(dialect: Dialect, variables: dict[str, str], read: Read, folder: Path) -> None:
    """Write all variables into one file and compare what the reader gets."""
    found = read(written(dialect, variables), folder)
    assert {name: found.get(name) for name in variables} == variables


def shell_reader(shell: list[str]) -> Read:
    """Return the reader, or skip where this shell is not installed."""
    if not shutil.which(shell[0]):
        missing(shell[0])
    return lambda text, folder: by_shell(shell, text, folder)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_refuses_exactly_what_it_cannot_hold(dialect: Dialect) -> None:
    """A value is refused by the dialects that the list names and by no other, and is never quoted in the error."""
    for value, refused in NASTY:
        if dialect in refused:
            with pytest.raises(CannotHold) as fault:
                encode(dialect, "NAME", value)
            assert value not in str(fault.value)
        else:
            encode(dialect, "NAME", value)


def test_list_is_long_enough() -> None:
    """Every dialect is proved on at least 40 values."""
    assert all(len(held_by(dialect)) >= 40 for dialect in DIALECTS)


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_shell(shell: list[str], tmp_path: Path) -> None:
    """`. file` with everything exported gives each nasty value to a child process."""
    assert_reads_back("shell", held_by("shell"), shell_reader(shell), tmp_path)


def test_shell_holds_half_a_mebibyte(tmp_path: Path) -> None:
    """A value as big as Consul takes arrives in the shell (no process could be started with it in its environment)."""
    value = "it's\n" * 100_000
    text = written("shell", {"BIG": value}) + "LENGTH=${#BIG}\nunset BIG\n"
    assert by_shell(["dash"], text, tmp_path)["LENGTH"] == str(len(value))


def test_compose(tmp_path: Path) -> None:
    """`docker compose config` reads each nasty value from an `env_file:`."""
    assert_reads_back("compose", held_by("compose"), by_compose, tmp_path)


def test_docker(tmp_path: Path) -> None:
    """`docker create --env-file` posts each nasty value to the engine."""
    assert_reads_back("docker", held_by("docker"), by_docker, tmp_path)


@pytest.mark.parametrize("spare_bytes", [0, 1])
def test_docker_longest_line(spare_bytes: int, tmp_path: Path) -> None:
    """The longest line that docker reads is taken, and one byte more is refused before docker would refuse it."""
    value = "x" * (65_535 - len("BIG=") + spare_bytes)
    if spare_bytes:
        with pytest.raises(CannotHold, match="65,535 bytes"):
            encode("docker", "BIG", value)
    else:
        assert by_docker(written("docker", {"BIG": value}), tmp_path) == {"BIG": value}


def test_systemd(tmp_path: Path) -> None:
    """The parser that systemd reads `EnvironmentFile=` with gets each nasty value."""
    held = {name: value for name, value in held_by("systemd").items() if value}
    assert_reads_back("systemd", held, by_systemd, tmp_path)


def test_systemd_rules() -> None:
    """A reader written after systemd.exec(5) gets each nasty value."""
    held = held_by("systemd")
    assert by_documented_rules(written("systemd", held)) == held


def test_python_dotenv_reads_compose_files() -> None:
    r"""python-dotenv agrees, except where it leaves `\$` and takes `\\` in single quotes for one backslash."""
    held = {
        name: value
        for name, value in held_by("compose").items()
        if "\\$" not in encode("compose", name, value) and not ("\\\\" in value and "'" not in value)
    }
    assert len(held) >= 40
    assert by_python_dotenv(written("compose", held)) == held


@given(values=_VALUES)
@_on_real_readers
@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_any_value_by_shell(shell: list[str], values: list[str], tmp_path: Path) -> None:
    """Any text without NUL comes back through the shells."""
    assert_reads_back("shell", holdable("shell", values), shell_reader(shell), tmp_path)


@given(values=_VALUES)
@_on_real_readers
@pytest.mark.parametrize(("dialect", "read"), [("compose", by_compose), ("docker", by_docker)])
def test_any_value_by_docker(dialect: Dialect, read: Read, values: list[str], tmp_path: Path) -> None:
    """Any text that the dialect holds comes back through compose and the docker command line."""
    assert_reads_back(dialect, holdable(dialect, values), read, tmp_path)


@given(values=_VALUES)
@_on_real_readers
def test_any_value_by_systemd(values: list[str], tmp_path: Path) -> None:
    """Any text that the dialect holds comes back through systemd's own parser."""
    assert_reads_back("systemd", holdable("systemd", [value or "x" for value in values]), by_systemd, tmp_path)


@given(values=_VALUES)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_any_value_by_systemd_rules(values: list[str]) -> None:
    """Any text that the dialect holds comes back by systemd's documented rules."""
    held = holdable("systemd", values)
    assert by_documented_rules(written("systemd", held)) == held
