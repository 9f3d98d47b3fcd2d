"""Whatever a file holds: what it says, or located faults on one line each; never another error."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.config.load import load
from syncd.core.dotenv import DIALECTS, CannotHold, Dialect, encode
from syncd.core.errors import ConfigError, Fault, Refused
from syncd.core.mapping import BadValue, parse_ref, pick
from syncd.core.report.model import PassResult
from syncd.core.snapshot import HiddenKey, NeedMore
from syncd.engine import planfile
from syncd.sources.export import load_seed
from syncd.targets.registry import configs
from tests.unit.config.test_fuzz import FILES
from tests.unit.fuzz import inputs
from tests.unit.templating.rendering import rendering

Reader = Callable[[Path], object]


def _config(path: Path) -> object:
    return load(path, configs(), {"A": "hidden-value"})


def _plan(path: Path) -> object:
    saved = planfile.load(path)
    with pytest.raises(Refused):
        planfile.verify(saved, PassResult("me", 1, "sha256:other", ()), None, force=False)
    return saved


def faults_of(read: Reader, path: Path, content: bytes) -> Sequence[Fault]:
    """Return the faults that reading gives, none where it is read; any other error fails the test."""
    path.write_bytes(content)
    try:
        read(path)
    except ConfigError as error:
        faults = error.faults
    else:
        return ()
    assert faults
    for fault in faults:
        assert str(fault).startswith(str(path))
        assert str(fault).isprintable()
        assert "hidden-value" not in str(fault)
    return faults


@inputs.FUZZ
@given(content=inputs.cut(st.one_of(FILES.map(lambda text: text.encode(errors="replace")), inputs.BYTES)))
def test_any_config(tmp_path: Path, content: bytes) -> None:
    """The config, with the kinds of target that are shipped."""
    faults_of(_config, tmp_path / "config.yaml", content)


@inputs.FUZZ
@given(content=inputs.cut(inputs.SEEDS))
def test_any_seed(tmp_path: Path, content: bytes) -> None:
    """A seed."""
    faults_of(load_seed, tmp_path / "seed.yaml", content)


@inputs.FUZZ
@given(content=inputs.cut(inputs.EXPORTS))
def test_any_export(tmp_path: Path, content: bytes) -> None:
    """An export."""
    faults_of(load_seed, tmp_path / "export.json", content)


@inputs.FUZZ
@given(content=inputs.cut(inputs.PLANS))
def test_any_plan(tmp_path: Path, content: bytes) -> None:
    """A saved plan: a fault, or refused, but never carried out."""
    faults_of(_plan, tmp_path / "saved.plan", content)


@pytest.mark.parametrize("read", [_config, load_seed, _plan])
@pytest.mark.parametrize("content", [*inputs.nested(200_000), inputs.BOMB, b"a: " + b"x" * 1_000_000, b"\xff" * 1000])
def test_a_bomb_does_not_go_off(tmp_path: Path, read: Reader, content: bytes) -> None:
    """Nested 200,000 deep, aliases of aliases, and a megabyte in one line: located faults."""
    assert faults_of(read, tmp_path / "bomb", content)


@inputs.FUZZ
@given(text=st.one_of(inputs.TEXT, inputs.TEXT.map(lambda text: f"a#/{text}")), value=inputs.BYTES, of=inputs.JSON)
def test_any_pointer(text: str, value: bytes, of: object) -> None:
    """A reference to a place in a value: text, nothing, or a fault that quotes no value."""
    for content in (value, inputs.json.dumps(of).encode(), b"hidden-value"):
        for form in ("raw", "csv", "json"):
            try:
                found = pick(parse_ref(text), content, form)
            except ValueError as error:
                said, known = str(error), isinstance(error, BadValue) or "JSON pointer" in str(error)
                found = None
            else:
                said, known = "", True
            assert "hidden-value" not in said
            assert known
            assert found is None or isinstance(found, str)


@inputs.FUZZ
@given(value=st.one_of(inputs.TEXT, st.text(string.printable, max_size=30)), dialect=st.sampled_from(DIALECTS))
def test_any_value_of_a_variable(value: str, dialect: Dialect) -> None:
    """An env file's line holds it, or says why it cannot; it never begins a second variable."""
    try:
        line = encode(dialect, "NAME", value)
    except CannotHold as error:
        line, said = "NAME=", str(error)
    else:
        said = ""
    assert said.isprintable()
    assert line.startswith("NAME=")
    assert "\0" not in line


_WORDS = """
{{ }} {% %} {# #} for in if else endif endfor set macro endmacro call include import from extends block raw
key('a') ls('') tree('') env('HOME') service('x') fail('x') range(9) dict() namespace() cycler('a') lipsum() self
a.b a['__class__'] ''.__class__ ().__class__.__mro__ x|attr('__init__') x|map('x') |tojson |format %s {0.__class__}
'x'*9 9**9 [1]*9 ~ + - * / // % ** == < is not and or ( ) [ ] , . | : ' " \\
"""
_PIECES = st.sampled_from([*_WORDS.split(), "\n"])


@inputs.FUZZ
@given(source=st.lists(st.one_of(_PIECES, inputs.TEXT), max_size=14).map(" ".join))
def test_any_template(source: str) -> None:
    """A template: output, or a fault in our words."""
    try:
        made = rendering(source)
    except (NeedMore, HiddenKey):
        return
    assert (made.content is None) == (made.fault is not None)
    assert made.fault is None or made.fault.replace("\n", "").isprintable(), made.fault
    assert b" at 0x" not in (made.content or b"")
